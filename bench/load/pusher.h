/* The client's words of the Pusher protocol, version 7: signed subscriptions, signed HTTP. */
#ifndef LOCKGATE_BENCH_PUSHER_H
#define LOCKGATE_BENCH_PUSHER_H

#include <stddef.h>

#include "digest.h"
#include "wire.h"

struct credential {
  const char *app_id, *key;
  struct hmac_key secret;
};

/* Writes the URL path of a socket, ended by a NUL. */
void pusher_path(const struct credential *credential, char out[256]);
/* Reads the socket id out of `connection_established`; any other frame is a fault. */
void pusher_socket_id(const struct frame *frame, char out[64], const char *who);
/* Sends `pusher:subscribe`, signed when the channel's prefix asks for it. */
void pusher_subscribe(struct wire *wire, const struct credential *credential, const char *socket_id,
                      const char *channel);
/* The frame must be `subscription_succeeded` of that channel; any other is a fault. */
void pusher_subscribed(const struct frame *frame, const char *channel, const char *who);
/* Answers `pusher:ping`. Returns 0 when the frame is something else. */
int pusher_ping(struct wire *wire, const struct frame *frame);
/*
 * Writes a whole POST /apps/ID/events with `body_md5` and `auth_signature` (contract: HTTP API).
 * `out` has room for 1024 bytes more than the body. Returns the length.
 */
size_t pusher_post(const struct credential *credential, const char *body, size_t body_length,
                   char *out);

#endif
