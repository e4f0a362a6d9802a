/*
 * The numbered messages of a run and the check that each subscriber gets every one exactly once and
 * in order. A payload is 128 bytes: sequence (8 hex digits), run (8 hex digits), filler, '~'.
 */
#ifndef LOCKGATE_BENCH_MESSAGES_H
#define LOCKGATE_BENCH_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_BYTES 128
#define MESSAGE_BYTES_MAX 1024
/* Our bound on messages in flight. */
#define WINDOW_MAX 4096

/* What every message of a run has in common; learned from the first one that arrives. */
struct messages {
  const char *event, *channel;
  char run[9];
  /* wSocket: every frame has a time and numbers of its own around the payload. */
  int is_numbered;
  char template[MESSAGE_BYTES_MAX];
  size_t template_length;
  size_t sequence_at;
};

void messages_begin(struct messages *messages, const char *event, const char *channel);
/* Writes the payload numbered `sequence`, not ended by a NUL. */
void payload_put(const struct messages *messages, uint32_t sequence, char out[PAYLOAD_BYTES]);
/* Writes the client event, or the publication, that carries it. Returns its length. */
size_t message_put(const struct messages *messages, uint32_t sequence, char out[MESSAGE_BYTES_MAX]);
/*
 * Checks that `text` is message `sequence`, byte for byte the same envelope for everybody.
 * A gap, a repetition, another order, damage and a foreign frame are told apart in the fault.
 */
void message_check(struct messages *messages, uint32_t sequence, const char *text, size_t length,
                   const char *who);

#endif
