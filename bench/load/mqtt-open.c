/*
 * Opens MQTT clients and holds them: what a connect costs and what a connection keeps. With
 * `--qos` 0 or 1 each subscribes to a topic of its own and afterwards gets one message there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "mqtt-clients.h"
#include "options.h"

struct opened {
  const struct options *options;
  struct mqtt_clients clients;
  struct mqtt_client *list;
  int received;
};

static void on_packet(void *context, struct mqtt_client *client, const struct packet *packet) {
  struct opened *run = context;
  if (packet->type != PUBLISH) packet_fault(packet, client->name);
  struct published got = publish_read(packet, run->clients.level, client->name);
  if (client->seen++ > 0 || got.topic_length != strlen(client->topic) ||
      memcmp(got.topic, client->topic, got.topic_length) != 0)
    fault("%s: a message that is not its own", client->name);
  run->received++;
}

static void hold(struct opened *run, double seconds, int wanted) {
  struct epoll_event events[256];
  int64_t until = now_ns() + (int64_t)(seconds * 1e9);
  while (now_ns() < until && (wanted == 0 || run->received < wanted)) {
    int n = epoll_wait(run->clients.epoll, events, 256, 20);
    for (int i = 0; i < n; i++) mqtt_client_readable(&run->clients, events[i].data.ptr);
  }
  if (run->received < wanted)
    fault("only %d of %d idle clients got their message", run->received, wanted);
}

/* The last client publishes to every other one. */
static void check_all(struct opened *run) {
  int count = run->options->count;
  char out[PACKET_BYTES_MAX];
  for (int i = 0; i < count; i++) {
    struct outgoing message = {.topic = run->list[i].topic, .payload = "~", .payload_length = 1};
    wire_send(&run->list[count].wire, out, publish_put(out, &message, run->clients.level));
    if (i % 64 == 63) hold(run, run->options->patience_seconds, i + 1);
  }
  hold(run, run->options->patience_seconds, count);
}

void run_mqtt_open(const struct options *options) {
  struct opened *run = calloc(1, sizeof *run);
  int count = options->count, warmup = options->warmup_count;
  if (!run || !(run->list = calloc((size_t)(count + warmup + 1), sizeof *run->list)))
    fail("out of memory");
  struct account *accounts = accounts_read(options->accounts, count + warmup + 1);
  run->options = options;
  run->clients = (struct mqtt_clients){.port = options->port,
                                       .level = options->level,
                                       .concurrency = options->concurrency,
                                       .patience_seconds = options->patience_seconds,
                                       .on_packet = on_packet,
                                       .context = run};
  for (int i = 0; i < count + warmup + 1; i++) {
    struct mqtt_client *client = &run->list[i];
    client->account = &accounts[i];
    snprintf(client->name, sizeof client->name, "client %d", i);
    if (options->is_subscribing && i < count)
      snprintf(client->topic, sizeof client->topic, "%s/%s", options->channel,
               client->account->client_id);
  }
  mqtt_clients_begin(&run->clients);
  if (warmup > 0) {
    mqtt_clients_open(&run->clients, run->list + count + 1, warmup);
    mqtt_clients_reset(run->list + count + 1, warmup);
    hold(run, 0.3, 0); /* the server sees the closes before the measurement, not in it */
  }
  struct snapshot empty = take_snapshot(options->target);
  mqtt_clients_open(&run->clients, run->list, count);
  struct snapshot opened = take_snapshot(options->target);
  hold(run, options->hold_seconds, 0);
  struct snapshot held = take_snapshot(options->target);
  if (options->is_subscribing) {
    mqtt_clients_open(&run->clients, run->list + count, 1);
    check_all(run);
  }
  printf("{\"connections\":%d,", count);
  print_span("connect", empty, opened);
  printf(",");
  print_span("hold", opened, held);
  printf("}\n");
  mqtt_clients_reset(run->list, count + 1);
}
