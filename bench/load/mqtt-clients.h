/* Many MQTT clients on one epoll: connected, and each subscribed to one topic or to none. */
#ifndef LOCKGATE_BENCH_MQTT_CLIENTS_H
#define LOCKGATE_BENCH_MQTT_CLIENTS_H

#include "mqtt.h"
#include "wire.h"

enum mqtt_stage { MQTT_CONNECTING, MQTT_SUBSCRIBING, MQTT_READY };

struct mqtt_client {
  struct wire wire;
  enum mqtt_stage stage;
  const struct account *account;
  /* Empty: it does not subscribe. */
  char topic[TOPIC_BYTES_MAX];
  char name[24];
  /* The group it belongs to. */
  int group;
  /* Subscribers: messages received so far, in order. */
  uint32_t seen;
  /* PUBACKs of one read, which leave together. */
  char answers[4 * 1024];
  size_t answers_length;
  /* When its renewal was asked for; 0: none is under way. */
  int64_t renewing_since_ns;
};

struct mqtt_clients {
  int port, level, qos, concurrency;
  double patience_seconds;
  /* Gets all packets but those that open a connection; they are gone when it returns. */
  void (*on_packet)(void *context, struct mqtt_client *client, const struct packet *packet);
  void *context;
  /* Kept by this module. */
  int epoll, ready_count;
};

/*
 * Reads `count` accounts from a file with one `client-id user-name password` per line; without a
 * file they are anonymous.
 */
struct account *accounts_read(const char *path, int count);
void mqtt_clients_begin(struct mqtt_clients *clients);
/* Opens clients whose account, topic and name are set; returns when all are ready. */
void mqtt_clients_open(struct mqtt_clients *clients, struct mqtt_client *list, int count);
/* Reads what is there for one client, and sends its PUBACKs. */
void mqtt_client_readable(struct mqtt_clients *clients, struct mqtt_client *client);
/* A PUBACK that leaves after everything of this read was taken. */
void mqtt_client_acknowledge(struct mqtt_client *client, uint16_t packet_id);
void mqtt_clients_reset(struct mqtt_client *list, int count);

#endif
