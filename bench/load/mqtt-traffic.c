/*
 * Groups of one publisher and some subscribers of one topic, closed loop: a group's message i goes
 * out when all of its subscribers have i - window and, with QoS 1, the server has acknowledged that
 * one. All that the window allows goes out in one write. A measurement begins and ends with nothing
 * in flight. With `--renewals` the clients show new tokens meanwhile (AUTH), which a file says, and
 * what is lost or comes twice is counted; otherwise it is a fault.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "mqtt-clients.h"
#include "options.h"

/* The same for every server: sequence (8 hex digits), group (4), filler. */
#define BYTES 60
/* Our bound on what a group has in flight. */
#define GROUP_WINDOW_MAX 256
#define RING (2 * GROUP_WINDOW_MAX)

struct group {
  struct mqtt_client *publisher;
  uint32_t published, completed, acknowledged;
  /* By sequence modulo RING: subscribers that have it, and when it was sent. */
  int arrivals[RING];
  int64_t sent_ns[RING];
};

struct run {
  const struct options *options;
  struct mqtt_clients clients;
  struct mqtt_client *list;
  struct group *groups;
  int group_count, client_count;
  enum { WARMUP, MEASURE, QUIET } phase;
  int64_t phase_ends_ns, progress_ns, read_ns;
  uint64_t completed, measured_from;
  long lost, repeated, renewed, renewing;
  FILE *renewals;
  struct latencies latencies, renewal_latencies;
  struct snapshot begin, end;
};

static void payload_make(char out[BYTES + 1], uint32_t sequence, int group) {
  memset(out, '.', BYTES);
  snprintf(out, 13, "%08x%04x", sequence, (unsigned)group & 0xffff);
  out[12] = '.';
  out[BYTES - 1] = '~';
  out[BYTES] = 0;
}

static uint32_t sequence_of(const struct published *got, const struct mqtt_client *client) {
  char digits[9] = {0}, expected[BYTES + 1];
  if (got->payload_length != BYTES)
    fault("%s: a payload of %zu bytes", client->name, got->payload_length);
  memcpy(digits, got->payload, 8);
  uint32_t sequence = (uint32_t)strtoul(digits, NULL, 16);
  payload_make(expected, sequence, client->group);
  if (memcmp(got->payload, expected, BYTES) != 0 || got->topic_length != strlen(client->topic) ||
      memcmp(got->topic, client->topic, got->topic_length) != 0)
    fault("%s: a message that is not of this run: %.*s", client->name, BYTES, got->payload);
  return sequence;
}

static void arrived(struct run *run, struct mqtt_client *client, uint32_t sequence) {
  struct group *group = &run->groups[client->group];
  if (sequence > group->published)
    fault("%s: message %u arrived before it was sent", client->name, sequence);
  if (sequence != client->seen + 1 && !run->renewals)
    fault("%s: message %u arrived where %u was due", client->name, sequence, client->seen + 1);
  if (sequence <= client->seen) {
    run->repeated++;
    return;
  }
  run->lost += sequence - client->seen - 1;
  while (client->seen < sequence) group->arrivals[++client->seen % RING]++;
  if (run->phase == MEASURE)
    latency_add(&run->latencies, run->read_ns - group->sent_ns[sequence % RING]);
}

static void on_packet(void *context, struct mqtt_client *client, const struct packet *packet) {
  struct run *run = context;
  struct group *group = &run->groups[client->group];
  if (packet->type == PUBLISH && client->topic[0] && client != group->publisher) {
    struct published got = publish_read(packet, run->clients.level, client->name);
    if (got.qos != run->options->qos) fault("%s: a message of QoS %d", client->name, got.qos);
    arrived(run, client, sequence_of(&got, client));
    if (got.qos > 0) mqtt_client_acknowledge(client, got.packet_id);
    return;
  }
  if (packet->type == PUBACK && client == group->publisher) {
    uint16_t id = acknowledged_id(packet, client->name);
    /* Brokers acknowledge in order [MQTT-4.6.0-2]; packet ids are those of the sequence. */
    if (id != (uint16_t)(group->acknowledged % 65535 + 1))
      fault("%s: packet id %u was acknowledged out of order", client->name, id);
    group->acknowledged++;
    return;
  }
  if (packet->type == AUTH && client->renewing_since_ns) {
    auth_check(packet, client->name);
    latency_add(&run->renewal_latencies, now_ns() - client->renewing_since_ns);
    client->renewing_since_ns = 0;
    run->renewed++;
    run->renewing--;
    return;
  }
  packet_fault(packet, client->name);
}

static void count_completed(struct run *run, struct group *group) {
  uint32_t last = run->options->qos > 0 ? group->acknowledged : group->published;
  while (group->completed < last &&
         group->arrivals[(group->completed + 1) % RING] == run->options->count) {
    group->arrivals[++group->completed % RING] = 0;
    run->completed++;
    run->progress_ns = run->read_ns;
  }
}

static void publish(struct run *run, struct group *group) {
  static char out[GROUP_WINDOW_MAX * PACKET_BYTES_MAX];
  uint32_t allowed = (uint32_t)run->options->window - (group->published - group->completed);
  size_t length = 0;
  int64_t now = now_ns();
  const struct mqtt_client *publisher = group->publisher;
  for (; allowed > 0; allowed--) {
    char payload[BYTES + 1];
    uint32_t sequence = ++group->published;
    payload_make(payload, sequence, publisher->group);
    group->sent_ns[sequence % RING] = now;
    struct outgoing message = {.topic = run->list[publisher->group * (run->options->count + 1)].topic,
                               .payload = payload,
                               .payload_length = BYTES,
                               .qos = run->options->qos,
                               .packet_id = (uint16_t)((sequence - 1) % 65535 + 1)};
    length += publish_put(out + length, &message, run->clients.level);
  }
  if (length > 0) wire_send(&group->publisher->wire, out, length);
}

static int64_t after(double seconds) {
  return now_ns() + (int64_t)(seconds * 1e9);
}

static int is_idle(const struct run *run) {
  for (int i = 0; i < run->group_count; i++)
    if (run->groups[i].completed != run->groups[i].published) return 0;
  return run->renewing == 0;
}

/* Everything that is asked for in this phase is done. */
static int is_over(const struct run *run) {
  if (run->phase == MEASURE && run->renewals && run->renewed < run->options->messages) return 0;
  return now_ns() >= run->phase_ends_ns;
}

/* Publishes on, or, when the phase is over and nothing is in flight, begins the next. */
static void advance(struct run *run) {
  const struct options *options = run->options;
  if (run->phase == QUIET) return;
  if (is_over(run)) {
    if (!is_idle(run)) return;
    run->phase++;
    if (run->phase == QUIET) {
      run->end = take_snapshot(options->target);
      run->phase_ends_ns = after(options->quiet_seconds);
      return;
    }
    run->measured_from = run->completed;
    run->begin = take_snapshot(options->target);
    run->phase_ends_ns = after(options->seconds);
  }
  for (int i = 0; i < run->group_count; i++) publish(run, &run->groups[i]);
}

/* Lines of the file, as they come: the number of a client and its new token. */
static void renew(struct run *run) {
  char password[PASSWORD_BYTES_MAX + 1], out[PACKET_BYTES_MAX];
  int number;
  if (!run->renewals || run->phase != MEASURE) return;
  for (;;) {
    long at = ftell(run->renewals);
    int read = fscanf(run->renewals, "%d %1024s", &number, password);
    int is_whole = read == 2 && fgetc(run->renewals) == '\n';
    struct mqtt_client *client = is_whole ? &run->list[number % run->client_count] : NULL;
    if (!is_whole || client->renewing_since_ns) {
      fseek(run->renewals, at, SEEK_SET);
      return;
    }
    client->renewing_since_ns = now_ns();
    run->renewing++;
    wire_send(&client->wire, out, auth_put(out, password));
  }
}

static void check_renewals(const struct run *run) {
  int64_t now = now_ns(), patience = (int64_t)(run->options->patience_seconds * 1e9);
  for (int i = 0; run->renewing > 0 && i < run->client_count; i++) {
    const struct mqtt_client *client = &run->list[i];
    if (client->renewing_since_ns && now - client->renewing_since_ns > patience)
      fault("%s: its renewal was not answered for %.1f s", client->name,
            run->options->patience_seconds);
  }
}

static void explain_stall(const struct run *run) {
  for (int i = 0; i < run->client_count; i++) {
    const struct mqtt_client *client = &run->list[i];
    const struct group *group = &run->groups[client->group];
    if (client == group->publisher || client->seen == group->published) continue;
    fault("%s: has %u of %u messages and nothing arrived for %.1f s: lost at the end",
          client->name, client->seen, group->published, run->options->patience_seconds);
  }
  fault("nothing was acknowledged for %.1f s", run->options->patience_seconds);
}

static void traffic(struct run *run) {
  struct epoll_event events[1024];
  run->phase_ends_ns = after(run->options->warmup_seconds);
  run->progress_ns = now_ns();
  advance(run);
  while (run->phase != QUIET || now_ns() < run->phase_ends_ns) {
    int n = epoll_wait(run->clients.epoll, events, 1024, run->renewals ? 2 : 20);
    for (int i = 0; i < n; i++) {
      run->read_ns = now_ns();
      mqtt_client_readable(&run->clients, events[i].data.ptr);
    }
    for (int i = 0; i < run->group_count; i++) count_completed(run, &run->groups[i]);
    renew(run);
    check_renewals(run);
    advance(run);
    double silent = (double)(now_ns() - run->progress_ns) / 1e9;
    if (run->phase != QUIET && silent > run->options->patience_seconds) explain_stall(run);
  }
  for (int i = 0; i < run->group_count; i++)
    if (run->groups[i].completed != run->groups[i].published) explain_stall(run);
}

/* Each group: its subscribers, then its publisher, who is one client more. */
static void make_clients(struct run *run, const struct account *accounts) {
  const struct options *options = run->options;
  int size = options->count + 1;
  for (int i = 0; i < run->client_count; i++) {
    struct mqtt_client *client = &run->list[i];
    int is_publisher = i % size == options->count;
    client->account = &accounts[i];
    client->group = i / size;
    snprintf(client->name, sizeof client->name, "%s %d", is_publisher ? "publisher" : "subscriber",
             i);
    if (is_publisher) run->groups[client->group].publisher = client;
    else snprintf(client->topic, sizeof client->topic, "%s/%d", options->channel, client->group);
  }
}

void run_mqtt(const struct options *options) {
  struct run *run = calloc(1, sizeof *run);
  if (!run) fail("out of memory");
  if (options->window > GROUP_WINDOW_MAX) fail("--window is 1 to %d", GROUP_WINDOW_MAX);
  run->options = options;
  run->group_count = options->groups;
  run->client_count = options->groups * (options->count + 1);
  run->list = calloc((size_t)run->client_count, sizeof *run->list);
  run->groups = calloc((size_t)run->group_count, sizeof *run->groups);
  if (!run->list || !run->groups) fail("out of memory");
  run->clients = (struct mqtt_clients){.port = options->port,
                                       .level = options->level,
                                       .qos = options->qos,
                                       .concurrency = options->concurrency,
                                       .patience_seconds = options->patience_seconds,
                                       .on_packet = on_packet,
                                       .context = run};
  if (options->renewals && !(run->renewals = fopen(options->renewals, "r")))
    fail("cannot read %s", options->renewals);
  make_clients(run, accounts_read(options->accounts, run->client_count));
  mqtt_clients_begin(&run->clients);
  mqtt_clients_open(&run->clients, run->list, run->client_count);
  traffic(run);
  uint64_t messages = run->completed - run->measured_from;
  printf("{\"connections\":%d,", run->client_count);
  print_span("traffic", run->begin, run->end);
  printf(",\"messages\":%llu,\"deliveries\":%llu,\"renewed\":%ld,\"lost\":%ld,\"repeated\":%ld,",
         (unsigned long long)messages, (unsigned long long)messages * (unsigned)options->count,
         run->renewed, run->lost, run->repeated);
  print_latencies("renewalUs", &run->renewal_latencies);
  printf(",");
  print_latencies("latencyUs", &run->latencies);
  printf("}\n");
  mqtt_clients_reset(run->list, run->client_count);
}
