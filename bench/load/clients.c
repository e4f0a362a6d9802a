#include "clients.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "measure.h"
#include "wsocket.h"

void clients_begin(struct clients *clients) {
  clients->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (clients->epoll < 0) fail("no epoll: %s", strerror(errno));
}

static void start(struct clients *clients, struct client *client, const char *role) {
  /* Plain references know the publisher by its path; Lockgate treats all clients alike. */
  char path[256];
  client->is_publisher = strcmp(role, "publisher") == 0;
  switch (clients->protocol) {
    case PUSHER: pusher_path(clients->credential, path); break;
    case WSOCKET: wsocket_path(clients->credential->key, path); break;
    case RAW: snprintf(path, sizeof path, "%s", client->is_publisher ? "/publish" : "/"); break;
  }
  wire_open(&client->wire, clients->port);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = client};
  if (epoll_ctl(clients->epoll, EPOLL_CTL_ADD, client->wire.fd, &wanted) < 0)
    fail("epoll refuses a socket: %s", strerror(errno));
  websocket_request(&client->wire, clients->port, path, NULL);
}

static void become_ready(struct clients *clients, struct client *client) {
  client->stage = READY;
  clients->ready_count++;
}

static void take_frame(struct clients *clients, struct client *client, const struct frame *frame) {
  if (frame->opcode == CLOSE && clients->on_close && client->stage == READY) {
    client->stage = CLOSED;
    clients->on_close(clients->context, client, frame);
    return;
  }
  if (frame->opcode >= CLOSE && frame_control(&client->wire, frame, client->name)) return;
  if (clients->protocol == PUSHER && pusher_ping(&client->wire, frame)) return;
  switch (client->stage) {
    case UPGRADING:
      fault("%s: a frame came before the upgrade", client->name);
    case ESTABLISHING: {
      char socket_id[64];
      pusher_socket_id(frame, socket_id, client->name);
      pusher_subscribe(&client->wire, clients->credential, socket_id, clients->channel);
      client->stage = SUBSCRIBING;
      return;
    }
    case SUBSCRIBING:
      if (clients->protocol == PUSHER) pusher_subscribed(frame, clients->channel, client->name);
      else wsocket_subscribed(frame, clients->channel, client->name);
      become_ready(clients, client);
      return;
    case READY:
      clients->on_frame(clients->context, client, frame);
      return;
    case CLOSED:
      fault("%s: a frame came after the close", client->name);
  }
}

static void upgraded(struct clients *clients, struct client *client) {
  if (clients->protocol == PUSHER) {
    client->stage = ESTABLISHING;
  } else if (clients->protocol == WSOCKET && !client->is_publisher) {
    /* Publishing asks for no subscription, and without one nothing comes back but acks. */
    wsocket_subscribe(&client->wire, clients->channel);
    client->stage = SUBSCRIBING;
  } else {
    become_ready(clients, client);
  }
}

void client_readable(struct clients *clients, struct client *client) {
  size_t length, used = 0, taken;
  char *bytes = wire_read(&client->wire, &length, client->name);
  if (!bytes) return;
  if (client->stage == UPGRADING) {
    used = websocket_answer(bytes, length, client->name);
    if (!used) {
      wire_keep(&client->wire, bytes, length);
      return;
    }
    upgraded(clients, client);
  }
  struct frame frame;
  while ((taken = frame_take(bytes + used, length - used, &frame, client->name))) {
    take_frame(clients, client, &frame);
    used += taken;
  }
  if (used < length) wire_keep(&client->wire, bytes + used, length - used);
}

void client_ended(struct client *client) {
  char byte;
  ssize_t got = recv(client->wire.fd, &byte, 1, 0);
  if (got > 0) fault("%s: bytes came after the close frame", client->name);
}

void clients_open(struct clients *clients, struct client *list, int count, const char *role) {
  int started = 0;
  int64_t deadline = now_ns() + (int64_t)(clients->patience_seconds * 1e9);
  struct epoll_event events[256];
  clients->ready_count = 0;
  while (clients->ready_count < count) {
    while (started < count && started - clients->ready_count < clients->concurrency) {
      struct client *client = &list[started++];
      memset(client, 0, sizeof *client);
      snprintf(client->name, sizeof client->name, "%s %d", role, started);
      start(clients, client, role);
    }
    int n = epoll_wait(clients->epoll, events, 256, 100);
    for (int i = 0; i < n; i++) client_readable(clients, events[i].data.ptr);
    if (now_ns() > deadline)
      fault("only %d of %d connections were ready after %.0f s", clients->ready_count, count,
            clients->patience_seconds);
  }
}

void clients_reset(struct client *list, int count) {
  for (int i = 0; i < count; i++) wire_reset(&list[i].wire);
}
