/*
 * How fast a server closes everything: opens connections, sends one HTTP request that asks for it,
 * and times the close frame of each from that moment. Every client answers its close as a browser
 * does. A frame other than the refusal before the close, or any byte after it, is a fault.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clients.h"
#include "options.h"

#define REQUEST_BYTES_MAX 8192
#define POLL_US 500
#define ANSWER_BYTES_MAX 8192

struct closing {
  const struct options *options;
  struct clients clients;
  struct wire asker;
  char answer[ANSWER_BYTES_MAX];
  int closed_count, code;
  int64_t asked_ns, read_ns, first_ns, last_ns, answered_ns;
  struct latencies latencies;
};

static void on_frame(void *context, struct client *client, const struct frame *frame) {
  (void)context;
  if (frame->opcode != TEXT || !memmem(frame->data, frame->length, "\"pusher:error\"", 14))
    fault("%s: a frame that is no refusal: %.*s", client->name,
          frame->length > 300 ? 300 : (int)frame->length, frame->data);
}

static void on_close(void *context, struct client *client, const struct frame *frame) {
  struct closing *run = context;
  char reply[16];
  if (!run->asked_ns) fault("%s: closed before anybody asked for it", client->name);
  if (frame->length < 2) fault("%s: a close without a code", client->name);
  int code = (uint8_t)frame->data[0] << 8 | (uint8_t)frame->data[1];
  if (run->code && run->code != code)
    fault("%s: closed with %d, others with %d", client->name, code, run->code);
  run->code = code;
  wire_send(&client->wire, reply, frame_put(reply, CLOSE, frame->data, 2));
  epoll_ctl(run->clients.epoll, EPOLL_CTL_DEL, client->wire.fd, NULL);
  if (!run->closed_count++) run->first_ns = run->read_ns;
  run->last_ns = run->read_ns;
  latency_add(&run->latencies, run->read_ns - run->asked_ns);
}

/* Keeps the body of the answer when it is whole; anything but 200 is a fault. */
static void take_answer(struct closing *run) {
  size_t length;
  char *bytes = wire_read(&run->asker, &length, "the asker");
  if (!bytes) return;
  bytes[length] = 0;
  char *end = strstr(bytes, "\r\n\r\n"), *field = strcasestr(bytes, "Content-Length:");
  size_t body = field ? strtoul(field + 15, NULL, 10) : 0;
  if (end && strncmp(bytes, "HTTP/1.1 200 ", 13) != 0) fault("the request was refused: %s", bytes);
  if (end && (!body || body >= sizeof run->answer)) fault("no usable answer: %s", bytes);
  if (!end || length < (size_t)(end + 4 - bytes) + body) {
    wire_keep(&run->asker, bytes, length);
    return;
  }
  memcpy(run->answer, end + 4, body);
  run->answer[body] = 0;
  run->answered_ns = now_ns();
}

static void ask(struct closing *run) {
  static char request[REQUEST_BYTES_MAX];
  FILE *file = run->options->request ? fopen(run->options->request, "r") : NULL;
  if (!file) fail("--request names no file that can be read");
  size_t length = fread(request, 1, sizeof request, file);
  fclose(file);
  if (length == 0 || length == sizeof request) fail("the request is empty or too long");
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &run->asker};
  request[length] = 0;
  char *body = strstr(request, "\r\n\r\n");
  if (!body) fail("the request has no empty line");
  char whole[REQUEST_BYTES_MAX + 64];
  int bytes = snprintf(whole, sizeof whole, "%.*s\r\nContent-Length: %zu%s", (int)(body - request),
                       request, strlen(body + 4), body);
  wire_open(&run->asker, run->options->port);
  epoll_ctl(run->clients.epoll, EPOLL_CTL_ADD, run->asker.fd, &wanted);
  run->asked_ns = now_ns();
  wire_send(&run->asker, whole, (size_t)bytes);
}

/*
 * Looks every half millisecond. Sleeping in epoll_wait would make the server wake the other core for
 * each frame, and spinning would take from a core that shares its units with the server's; a server
 * on a network pays neither.
 */
static void read_for(struct closing *run, double seconds) {
  struct epoll_event events[1024];
  int64_t until = now_ns() + (int64_t)(seconds * 1e9);
  while (now_ns() < until && (run->closed_count < run->options->count || !run->answered_ns)) {
    int n = epoll_wait(run->clients.epoll, events, 1024, 0);
    if (n < 0 && errno != EINTR) fail("epoll_wait failed: %s", strerror(errno));
    if (n < 1) usleep(POLL_US);
    for (int i = 0; i < n; i++) {
      run->read_ns = now_ns();
      if (events[i].data.ptr == &run->asker) take_answer(run);
      else client_readable(&run->clients, events[i].data.ptr);
    }
  }
}

void run_close(const struct options *options) {
  struct closing *run = calloc(1, sizeof *run);
  struct client *list = calloc((size_t)options->count, sizeof *list);
  if (!run || !list) fail("out of memory");
  run->options = options;
  run->clients = (struct clients){.port = options->port,
                                  .protocol = options->protocol,
                                  .credential = &options->credential,
                                  .channel = options->channel,
                                  .concurrency = options->concurrency,
                                  .patience_seconds = options->patience_seconds,
                                  .on_frame = on_frame,
                                  .on_close = on_close,
                                  .context = run};
  clients_begin(&run->clients);
  clients_open(&run->clients, list, options->count, "client");
  read_for(run, options->hold_seconds);
  struct snapshot begin = take_snapshot(options->target);
  ask(run);
  read_for(run, options->patience_seconds);
  struct snapshot end = take_snapshot(options->target);
  if (run->closed_count < options->count || !run->answered_ns)
    fault("%d of %d connections were closed, the request was %s", run->closed_count,
          options->count, run->answered_ns ? "answered" : "not answered");
  usleep((useconds_t)(options->quiet_seconds * 1e6));
  for (int i = 0; i < options->count; i++) client_ended(&list[i]);
  printf("{\"connections\":%d,\"code\":%d,", options->count, run->code);
  print_span("close", begin, end);
  printf(",\"firstMs\":%.3f,\"lastMs\":%.3f,\"answerMs\":%.3f,",
         (double)(run->first_ns - run->asked_ns) / 1e6,
         (double)(run->last_ns - run->asked_ns) / 1e6,
         (double)(run->answered_ns - run->asked_ns) / 1e6);
  print_latencies("latencyUs", &run->latencies);
  printf(",\"answer\":%s}\n", run->answer);
  clients_reset(list, options->count);
  wire_reset(&run->asker);
}
