#include "mqtt-clients.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "measure.h"

struct account *accounts_read(const char *path, int count) {
  struct account *accounts = calloc((size_t)count, sizeof *accounts);
  if (!accounts) fail("out of memory");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (path && !file) fail("cannot read %s", path);
  for (int i = 0; i < count; i++) {
    struct account *one = &accounts[i];
    if (!file) snprintf(one->client_id, sizeof one->client_id, "c%d", i);
    else if (fscanf(file, "%64s %128s %1024s", one->client_id, one->username, one->password) != 3)
      fail("%s has fewer than %d accounts", path, count);
  }
  if (file) fclose(file);
  return accounts;
}

void mqtt_clients_begin(struct mqtt_clients *clients) {
  clients->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (clients->epoll < 0) fail("no epoll: %s", strerror(errno));
}

static void start(struct mqtt_clients *clients, struct mqtt_client *client) {
  char out[PACKET_BYTES_MAX];
  wire_open(&client->wire, clients->port);
  client->stage = MQTT_CONNECTING;
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = client};
  if (epoll_ctl(clients->epoll, EPOLL_CTL_ADD, client->wire.fd, &wanted) < 0)
    fail("epoll refuses a socket: %s", strerror(errno));
  wire_send(&client->wire, out, connect_put(out, client->account, clients->level));
}

static void become_ready(struct mqtt_clients *clients, struct mqtt_client *client) {
  client->stage = MQTT_READY;
  clients->ready_count++;
}

static void take(struct mqtt_clients *clients, struct mqtt_client *client,
                 const struct packet *packet) {
  char out[PACKET_BYTES_MAX];
  switch (client->stage) {
    case MQTT_CONNECTING:
      connack_check(packet, client->name);
      if (!client->topic[0]) {
        become_ready(clients, client);
        return;
      }
      wire_send(&client->wire, out,
                subscribe_put(out, client->topic, clients->qos, clients->level));
      client->stage = MQTT_SUBSCRIBING;
      return;
    case MQTT_SUBSCRIBING:
      if (packet->type != SUBACK) packet_fault(packet, client->name);
      acknowledged_id(packet, client->name);
      become_ready(clients, client);
      return;
    case MQTT_READY:
      clients->on_packet(clients->context, client, packet);
      return;
  }
}

void mqtt_client_acknowledge(struct mqtt_client *client, uint16_t packet_id) {
  if (client->answers_length + 4 > sizeof client->answers) {
    wire_send(&client->wire, client->answers, client->answers_length);
    client->answers_length = 0;
  }
  client->answers_length += puback_put(client->answers + client->answers_length, packet_id);
}

void mqtt_client_readable(struct mqtt_clients *clients, struct mqtt_client *client) {
  size_t length, used = 0, taken;
  struct packet packet;
  char *bytes = wire_read(&client->wire, &length, client->name);
  if (!bytes) return;
  while ((taken = packet_take(bytes + used, length - used, &packet, client->name))) {
    take(clients, client, &packet);
    used += taken;
  }
  if (used < length) wire_keep(&client->wire, bytes + used, length - used);
  if (client->answers_length == 0) return;
  wire_send(&client->wire, client->answers, client->answers_length);
  client->answers_length = 0;
}

void mqtt_clients_open(struct mqtt_clients *clients, struct mqtt_client *list, int count) {
  int started = 0;
  int64_t deadline = now_ns() + (int64_t)(clients->patience_seconds * 1e9);
  struct epoll_event events[256];
  clients->ready_count = 0;
  while (clients->ready_count < count) {
    while (started < count && started - clients->ready_count < clients->concurrency)
      start(clients, &list[started++]);
    int n = epoll_wait(clients->epoll, events, 256, 100);
    for (int i = 0; i < n; i++) mqtt_client_readable(clients, events[i].data.ptr);
    if (now_ns() > deadline)
      fail("only %d of %d connections were ready after %.0f s", clients->ready_count, count,
           clients->patience_seconds);
  }
}

void mqtt_clients_reset(struct mqtt_client *list, int count) {
  for (int i = 0; i < count; i++) wire_reset(&list[i].wire);
}
