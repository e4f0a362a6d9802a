/* SHA-1, SHA-256, HMAC-SHA-256, MD5, hex and base64, each in one call; any byte order. */
#ifndef LOCKGATE_BENCH_DIGEST_H
#define LOCKGATE_BENCH_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* A secret with its two padded blocks already hashed, so that signing costs the message only. */
struct hmac_key {
  uint32_t inner[8];
  uint32_t outer[8];
};

void sha1(const void *data, size_t length, uint8_t out[20]);
void sha256(const void *data, size_t length, uint8_t out[32]);
void md5(const void *data, size_t length, uint8_t out[16]);
void hmac_prepare(struct hmac_key *key, const void *secret, size_t length);
void hmac_sign(const struct hmac_key *key, const void *data, size_t length, uint8_t out[32]);

/* Writes 2 * length lowercase digits and a NUL. */
void hex_encode(const uint8_t *bytes, size_t length, char *out);
/* Writes 4 * ceil(length / 3) characters and a NUL. */
void base64_encode(const uint8_t *bytes, size_t length, char *out);

#endif
