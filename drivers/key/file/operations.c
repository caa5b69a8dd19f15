#include "key/file/operations.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "key/evp.h"
#include "key/file/keys.h"

/* What a file can promise: it signs, and can be read, copied and used for anything else. */
#define FILE_ATTRIBUTES (KEY_CAN_SIGN | KEY_IS_EXTRACTABLE | KEY_CAN_OTHER)
#define ALL_ALGORITHMS 0xfe

static void key_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
#define scoped(free) __attribute__((cleanup(free)))

static int file_driver_hello(void *of, unsigned worker, const struct driver_hello_request *r,
			     struct driver_hello_reply *reply, struct key_room *room)
{
	const struct file_token *t = of;
	(void)worker, (void)r, (void)room;
	*reply = (struct driver_hello_reply){ .version = DRIVER_VERSION,
					      .workers = (uint16_t)t->workers,
					      .algorithms = ALL_ALGORITHMS,
					      .name = slice_text(t->name),
					      .label = slice_text("files"),
					      .serial = slice_text(""),
					      .manufacturer = slice_text("Chancery"),
					      .model = slice_text("insecure PEM files") };
	return 0;
}

static int file_driver_status(void *of, unsigned worker, const struct driver_status_request *r,
			      struct driver_status_reply *reply, struct key_room *room)
{
	struct file_token *t = of;
	(void)worker, (void)r, (void)room;
	*reply = (struct driver_status_reply){ .state = TOKEN_READY,
					       .detail = slice_text("insecure: keys are files"),
					       .signatures = atomic_load(&t->signatures),
					       .failures = atomic_load(&t->failures),
					       .since = t->since };
	return 0;
}

static void list_add(const char *file, struct buf *list, uint16_t *count)
{
	char name[MAX_KEY_NAME + 1];
	uint8_t room[MAX_DRIVER_KEY];
	size_t n = strlen(file);
	if (n < 5 || strcmp(file + n - 4, ".pem") != 0 || *count >= MAX_LISTED_KEYS ||
	    !folder_name_valid((struct slice){ (const uint8_t *)file, n - 4 }))
		return;
	slice_to_text((struct slice){ (const uint8_t *)file, n - 4 }, name, sizeof(name));
	list_put(list, count, 0, folder_id(name, room));
}

static int file_driver_list(void *of, unsigned worker, const struct driver_list_request *r,
			    struct driver_list_reply *reply, struct key_room *room)
{
	const struct file_token *t = of;
	(void)worker, (void)r;
	int fd = openat(t->folder.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		log_error("folder_unreadable", "folder=%s why=\"%s\"", t->path, log_errno());
		if (fd >= 0)
			close(fd);
		return DRIVER_REFUSE_TOKEN_AWAY;
	}
	uint16_t count = 0;
	buf_clear(&room->list);
	for (const struct dirent *entry; (entry = readdir(dir));)
		list_add(entry->d_name, &room->list, &count);
	closedir(dir);
	reply->keys = list_of(&room->list, count);
	return 0;
}

static int public_write(EVP_PKEY *key, struct key_room *room, struct slice *out)
{
	*out = (struct slice){ room->public_key, evp_spki(key, room->public_key) };
	return out->len ? 0 : DRIVER_REFUSE_TOKEN_FAILED;
}

static int key_load(const struct file_token *t, struct slice id, EVP_PKEY **key, const struct algorithm **a)
{
	int refused = folder_load(&t->folder, id, key);
	if (refused)
		return refused;
	*a = keys_algorithm(*key);
	return *a ? 0 : DRIVER_REFUSE_ALGORITHM;
}

static int file_driver_create(void *of, unsigned worker, const struct driver_create_request *r,
			      struct driver_create_reply *reply, struct key_room *room)
{
	const struct file_token *t = of;
	const struct algorithm *a = algorithm_by_number(r->algorithm);
	(void)worker;
	if (!a)
		return DRIVER_REFUSE_ALGORITHM;
	EVP_PKEY *key scoped(key_free) = keys_make(a);
	int refused = key ? folder_store(&t->folder, r->key, key) : DRIVER_REFUSE_TOKEN_FAILED;
	reply->dropped = slice_text("SENSITIVE,NOT_EXTRACTABLE");
	return refused ? refused : public_write(key, room, &reply->public_key);
}

static int file_driver_public(void *of, unsigned worker, const struct driver_public_request *r,
			      struct driver_public_reply *reply, struct key_room *room)
{
	EVP_PKEY *key scoped(key_free) = NULL;
	const struct algorithm *a;
	(void)worker;
	int refused = key_load(of, r->key, &key, &a);
	if (refused)
		return refused;
	reply->algorithm = a->number;
	reply->attributes = FILE_ATTRIBUTES;
	return public_write(key, room, &reply->public_key);
}

static void kept_forget(struct kept *k)
{
	EVP_PKEY_free(k->key);
	k->key = NULL;
}

void file_token_forget(struct file_token *t)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		kept_forget(&t->kept[i]);
}

/* Marked before it is read: what is written in between is read once more at the next signature. */
static int kept_load(const struct file_token *t, struct kept *k, struct slice id)
{
	struct folder_mark mark = { 0 };
	bool same = folder_mark(&t->folder, id, &mark) && folder_mark_same(&mark, &k->mark);
	if (same && k->key && slice_equal(id, (struct slice){ k->id, k->id_len }))
		return 0;
	kept_forget(k);
	int refused = key_load(t, id, &k->key, &k->algorithm);
	if (refused) {
		kept_forget(k);
		return refused;
	}
	k->mark = mark;
	k->id_len = id.len; /* MAX_DRIVER_KEY at most, as driver.def says */
	memcpy(k->id, id.at, id.len);
	return 0;
}

static int file_driver_sign(void *of, unsigned worker, const struct driver_sign_request *r,
			    struct driver_sign_reply *reply, struct key_room *room)
{
	struct file_token *t = of;
	struct kept *k = &t->kept[worker];
	int refused = kept_load(t, k, r->key);
	if (!refused)
		refused = k->algorithm->number == r->algorithm
				  ? keys_sign(k->key, k->algorithm, r->data, room->signature)
				  : DRIVER_REFUSE_ALGORITHM;
	atomic_fetch_add(refused ? &t->failures : &t->signatures, 1);
	if (!refused)
		reply->signature = (struct slice){ room->signature, k->algorithm->signature_size };
	return refused;
}

const struct key_operations file_operations = {
#define VERB(number, NAME, name, who, most, request, reply) .name = file_##name,
#include "wire/driver.def"
#undef VERB
};
