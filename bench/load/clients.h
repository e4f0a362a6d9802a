/* Many WebSocket clients on one epoll: upgraded, and where the protocol has it also subscribed. */
#ifndef LOCKGATE_BENCH_CLIENTS_H
#define LOCKGATE_BENCH_CLIENTS_H

#include "protocol.h"
#include "pusher.h"
#include "wire.h"

enum stage { UPGRADING, ESTABLISHING, SUBSCRIBING, READY, CLOSED };

struct client {
  struct wire wire;
  enum stage stage;
  int is_publisher;
  /* Messages received so far, all in order. */
  uint32_t seen;
  char name[24];
};

struct clients {
  int port;
  enum protocol protocol;
  const struct credential *credential;
  const char *channel;
  /* How many may be between connect and ready at a time. */
  int concurrency;
  double patience_seconds;
  /* Gets the data frames of ready clients; the frame is gone when it returns. */
  void (*on_frame)(void *context, struct client *client, const struct frame *frame);
  /* Gets the close frame of a client; NULL: a close is a fault. */
  void (*on_close)(void *context, struct client *client, const struct frame *frame);
  void *context;
  /* Kept by this module. */
  int epoll, ready_count;
};

void clients_begin(struct clients *clients);
/* Opens `count` clients named after `role` and returns when all are ready; too slow is a fault. */
void clients_open(struct clients *clients, struct client *list, int count, const char *role);
/* Reads what is there for one client and takes it through its stages. */
void client_readable(struct clients *clients, struct client *client);
/* Reads what a closed client was sent after its close frame: anything but the end is a fault. */
void client_ended(struct client *client);
void clients_reset(struct client *list, int count);

#endif
