/* The client's words of the wSocket protocol: JSON texts with an `action` each. */
#ifndef LOCKGATE_BENCH_WSOCKET_H
#define LOCKGATE_BENCH_WSOCKET_H

#include "wire.h"

/* Writes the URL path of a socket that shows an API key, ended by a NUL. */
void wsocket_path(const char *key, char out[256]);
void wsocket_subscribe(struct wire *wire, const char *channel);
/* The frame must be `subscribed` of that channel; any other is a fault. */
void wsocket_subscribed(const struct frame *frame, const char *channel, const char *who);
/* Whether the server confirms a publication. */
int wsocket_is_ack(const struct frame *frame);

#endif
