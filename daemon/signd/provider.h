/*
 * Where every digest and every verification of the signer comes from: libcrypto's own provider, or the one that
 * signd.conf names, such as a FIPS 140-3 module. Named by root, loaded before the jail closes: the one piece of code in
 * the signer that the package did not bring.
 */
#ifndef CHANCERY_SIGND_PROVIDER_H
#define CHANCERY_SIGND_PROVIDER_H

/*
 * path: an OpenSSL configuration that activates a provider named "fips" (and "base", which decodes). From then on only
 * what has the property fips=yes is used. 0, or -1, logged, also if that provider does not do what the signer needs.
 */
int provider_load(const char *path);

#endif
