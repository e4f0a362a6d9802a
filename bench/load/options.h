/* The command line of the generator; every value has a default but the port. */
#ifndef LOCKGATE_BENCH_OPTIONS_H
#define LOCKGATE_BENCH_OPTIONS_H

#include "measure.h"
#include "protocol.h"
#include "pusher.h"
#include "yjs.h"

struct options {
  int port;
  enum protocol protocol;
  struct target target;
  struct credential credential;
  const char *secret, *channel, *event;
  /* close, post: the file with the HTTP request, without a Content-Length. */
  const char *request;
  /* post: the file with the request that follows an answer, and what an answer holds. */
  const char *next, *expected;
  /* mqtt: the file with one account per client, and the one with its new tokens. */
  const char *accounts, *renewals;
  /* yjs: the path before a document, the token of the editors, the file with their updates. */
  const char *prefix, *token, *updates;
  enum framing framing;
  /* mqtt: protocol level, quality of service, publishers; mqtt-open: whether each subscribes. */
  int level, qos, groups, is_subscribing;
  /* sockets: subscribers; mqtt: those of a publisher; publish: HTTP connections. */
  int count;
  int warmup_count, concurrency, window;
  /* 0: bounded by time only; mqtt: renewals to wait for. */
  long messages;
  double warmup_seconds, seconds, hold_seconds, quiet_seconds, patience_seconds;
  /* sockets: at least so long between two messages; flood: handshakes a second. */
  double pace_seconds, rate;
};

void options_parse(struct options *options, int count, char **words);

/* Opens connections, holds them, fans messages out and checks every delivery. */
void run_sockets(const struct options *options);
/* Sends signed HTTP publishes, then checks that publishes of that kind reach a subscriber. */
void run_publish(const struct options *options);
/* Sends the same HTTP request again and again, or a chain of refreshes. */
void run_post(const struct options *options);
/* Offers bad handshakes, from `count` addresses. */
void run_flood(const struct options *options);
/* Opens connections, asks the server to close them all and times every close frame. */
void run_close(const struct options *options);
/* Exchanges messages between MQTT clients and checks every delivery. */
void run_mqtt(const struct options *options);
/* Opens MQTT clients and holds them. */
void run_mqtt_open(const struct options *options);

/* Exchanges updates between the editors of one document and checks that everybody has them all. */
void run_yjs(const struct options *options);
/* Opens documents with editors and holds them, or times how long one takes to open. */
void run_yjs_open(const struct options *options);

#endif
