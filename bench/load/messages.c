#include "messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "measure.h"

void messages_begin(struct messages *messages, const char *event, const char *channel) {
  memset(messages, 0, sizeof *messages);
  messages->event = event;
  messages->channel = channel;
  snprintf(messages->run, sizeof messages->run, "%08x", (uint32_t)now_ns());
}

static void sequence_put(uint32_t sequence, char out[8]) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 7; i >= 0; i--, sequence >>= 4) out[i] = digits[sequence & 15];
}

void payload_put(const struct messages *messages, uint32_t sequence, char out[PAYLOAD_BYTES]) {
  sequence_put(sequence, out);
  memcpy(out + 8, messages->run, 8);
  memset(out + 16, '.', PAYLOAD_BYTES - 17);
  out[PAYLOAD_BYTES - 1] = '~';
}

size_t message_put(const struct messages *messages, uint32_t sequence,
                   char out[MESSAGE_BYTES_MAX]) {
  char payload[PAYLOAD_BYTES];
  payload_put(messages, sequence, payload);
  int length =
      messages->is_numbered
          ? snprintf(out, MESSAGE_BYTES_MAX,
                     "{\"action\":\"publish\",\"channel\":\"%s\",\"data\":\"%.*s\","
                     "\"id\":\"%s-%08x\"}",
                     messages->channel, PAYLOAD_BYTES, payload, messages->run, sequence)
          : snprintf(out, MESSAGE_BYTES_MAX,
                        "{\"event\":\"%s\",\"channel\":\"%s\",\"data\":\"%.*s\"}", messages->event,
                        messages->channel, PAYLOAD_BYTES, payload);
  if (length >= MESSAGE_BYTES_MAX) fail("the names of event and channel are too long");
  return (size_t)length;
}

static _Noreturn void foreign(const char *text, size_t length, const char *who) {
  fault("%s: a frame that is not of this run arrived: %.*s", who, length > 300 ? 300 : (int)length,
        text);
}

static int contains(const char *text, size_t length, const char *wanted) {
  return memmem(text, length, wanted, strlen(wanted)) != NULL;
}

/* The first frame of a run must be the right event on the right channel with the right payload. */
static void learn(struct messages *messages, const char *text, size_t length, const char *who) {
  char payload[PAYLOAD_BYTES], event[256], channel[256];
  payload_put(messages, 0, payload);
  snprintf(event, sizeof event, "\"event\":\"%s\"", messages->event);
  snprintf(channel, sizeof channel, "\"channel\":\"%s\"", messages->channel);
  const char *tail = memmem(text, length, payload + 8, PAYLOAD_BYTES - 8);
  if (!tail || tail - text < 16 || length > MESSAGE_BYTES_MAX || !contains(text, length, event) ||
      !contains(text, length, channel) || memcmp(tail - 16, "\"data\":\"", 8) != 0)
    foreign(text, length, who);
  memcpy(messages->template, text, length);
  messages->template_length = length;
  messages->sequence_at = (size_t)(tail - text) - 8;
}

static _Noreturn void explain(struct messages *messages, uint32_t sequence, const char *text,
                              const char *who) {
  char digits[9] = {0}, *end;
  memcpy(digits, text + messages->sequence_at, 8);
  uint32_t got = (uint32_t)strtoul(digits, &end, 16);
  if (*end) fault("%s: message %u arrived with the damaged number \"%s\"", who, sequence, digits);
  if (got > sequence)
    fault("%s: gap: message %u arrived where %u was due, lost or overtaken", who, got, sequence);
  fault("%s: duplicate or out of order: message %u arrived again where %u was due", who, got,
        sequence);
}

/* A frame whose envelope is never twice the same: the payload is looked for, and all of it there. */
static void check_numbered(struct messages *messages, uint32_t sequence, const char *text,
                           size_t length, const char *who) {
  char payload[PAYLOAD_BYTES];
  size_t at = messages->sequence_at;
  payload_put(messages, sequence, payload);
  if (at && at + PAYLOAD_BYTES <= length &&
      memcmp(text + at + 8, payload + 8, PAYLOAD_BYTES - 8) == 0) {
    if (memcmp(text + at, payload, 8) != 0) explain(messages, sequence, text, who);
    return;
  }
  const char *tail = memmem(text, length, payload + 8, PAYLOAD_BYTES - 8);
  if (!tail || tail - text < 8 || !contains(text, length, "\"action\":\"message\""))
    foreign(text, length, who);
  messages->sequence_at = (size_t)(tail - text) - 8;
  messages->template_length = length;
  if (memcmp(tail - 8, payload, 8) != 0) explain(messages, sequence, text, who);
}

void message_check(struct messages *messages, uint32_t sequence, const char *text, size_t length,
                   const char *who) {
  if (messages->is_numbered) {
    check_numbered(messages, sequence, text, length, who);
    return;
  }
  if (!messages->template_length) learn(messages, text, length, who);
  size_t at = messages->sequence_at, after = at + 8;
  if (length != messages->template_length || memcmp(text, messages->template, at) != 0 ||
      memcmp(text + after, messages->template + after, length - after) != 0)
    foreign(text, length, who);
  char expected[8];
  sequence_put(sequence, expected);
  if (memcmp(text + at, expected, 8) != 0) explain(messages, sequence, text, who);
}
