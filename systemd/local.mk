# What systemd is built from.
