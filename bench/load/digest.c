/* FIPS 180-4 (SHA-1, SHA-256), RFC 2104 (HMAC), RFC 1321 (MD5), RFC 4648 (base64). */
#include "digest.h"

#include <math.h>
#include <string.h>

#define BLOCK 64

typedef void block_function(uint32_t *state, const uint8_t *block);

static uint32_t rotate_left(uint32_t value, int count) {
  return value << count | value >> (32 - count);
}

static uint32_t load_big(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t load_little(const uint8_t *p) {
  return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void store_big(uint8_t *p, uint32_t value) {
  p[0] = (uint8_t)(value >> 24);
  p[1] = (uint8_t)(value >> 16);
  p[2] = (uint8_t)(value >> 8);
  p[3] = (uint8_t)value;
}

static void store_little(uint8_t *p, uint32_t value) {
  p[3] = (uint8_t)(value >> 24);
  p[2] = (uint8_t)(value >> 16);
  p[1] = (uint8_t)(value >> 8);
  p[0] = (uint8_t)value;
}

struct finish {
  block_function *run;
  int is_big_endian;
  /* Bytes that went into the state before; a multiple of BLOCK. */
  uint64_t bytes_before;
};

/* Hashes `data`, then the padding: 0x80, zeros, the length in bits as 64-bit number. */
static void finish(uint32_t *state, struct finish how, const void *data, size_t length) {
  const uint8_t *bytes = data;
  size_t whole = length / BLOCK * BLOCK;
  for (size_t at = 0; at < whole; at += BLOCK) how.run(state, bytes + at);

  uint8_t tail[2 * BLOCK] = {0};
  size_t left = length - whole;
  memcpy(tail, bytes + whole, left);
  tail[left] = 0x80;
  size_t tail_length = left + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
  uint64_t bits = (how.bytes_before + length) * 8;
  uint8_t *end = tail + tail_length - 8;
  if (how.is_big_endian) {
    store_big(end, (uint32_t)(bits >> 32));
    store_big(end + 4, (uint32_t)bits);
  } else {
    store_little(end, (uint32_t)bits);
    store_little(end + 4, (uint32_t)(bits >> 32));
  }
  for (size_t at = 0; at < tail_length; at += BLOCK) how.run(state, tail + at);
}

static void sha1_block(uint32_t *state, const uint8_t *block) {
  uint32_t w[80];
  for (int i = 0; i < 16; i++) w[i] = load_big(block + 4 * i);
  for (int i = 16; i < 80; i++) w[i] = rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (int i = 0; i < 80; i++) {
    uint32_t f, k;
    if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
    else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
    else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
    else f = b ^ c ^ d, k = 0xca62c1d6;
    uint32_t next = rotate_left(a, 5) + f + e + k + w[i];
    e = d, d = c, c = rotate_left(b, 30), b = a, a = next;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

void sha1(const void *data, size_t length, uint8_t out[20]) {
  uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  finish(state, (struct finish){sha1_block, 1, 0}, data, length);
  for (int i = 0; i < 5; i++) store_big(out + 4 * i, state[i]);
}

static const uint32_t SHA256_START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t SHA256_ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void sha256_block(uint32_t *state, const uint8_t *block) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++) w[i] = load_big(block + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t x = w[i - 15], y = w[i - 2];
    uint32_t s0 = rotate_left(x, 25) ^ rotate_left(x, 14) ^ x >> 3;
    uint32_t s1 = rotate_left(y, 15) ^ rotate_left(y, 13) ^ y >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t v[8];
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t a = v[0], e = v[4];
    uint32_t s1 = rotate_left(e, 26) ^ rotate_left(e, 21) ^ rotate_left(e, 7);
    uint32_t t1 = v[7] + s1 + ((e & v[5]) ^ (~e & v[6])) + SHA256_ROUND[i] + w[i];
    uint32_t s0 = rotate_left(a, 30) ^ rotate_left(a, 19) ^ rotate_left(a, 10);
    uint32_t t2 = s0 + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    v[7] = v[6], v[6] = v[5], v[5] = v[4], v[4] = v[3] + t1;
    v[3] = v[2], v[2] = v[1], v[1] = v[0], v[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}

static void sha256_from(const uint32_t start[8], uint64_t bytes_before, const void *data,
                        size_t length, uint8_t out[32]) {
  uint32_t state[8];
  memcpy(state, start, sizeof state);
  finish(state, (struct finish){sha256_block, 1, bytes_before}, data, length);
  for (int i = 0; i < 8; i++) store_big(out + 4 * i, state[i]);
}

void sha256(const void *data, size_t length, uint8_t out[32]) {
  sha256_from(SHA256_START, 0, data, length, out);
}

void hmac_prepare(struct hmac_key *key, const void *secret, size_t length) {
  uint8_t padded[BLOCK] = {0}, block[BLOCK];
  if (length > BLOCK) sha256(secret, length, padded);
  else memcpy(padded, secret, length);
  memcpy(key->inner, SHA256_START, sizeof key->inner);
  memcpy(key->outer, SHA256_START, sizeof key->outer);
  for (int i = 0; i < BLOCK; i++) block[i] = padded[i] ^ 0x36;
  sha256_block(key->inner, block);
  for (int i = 0; i < BLOCK; i++) block[i] = padded[i] ^ 0x5c;
  sha256_block(key->outer, block);
}

void hmac_sign(const struct hmac_key *key, const void *data, size_t length, uint8_t out[32]) {
  uint8_t inner[32];
  sha256_from(key->inner, BLOCK, data, length, inner);
  sha256_from(key->outer, BLOCK, inner, sizeof inner, out);
}

static const uint8_t MD5_SHIFT[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

/* RFC 1321 §3.4 defines the table as floor(2^32 * |sin(i)|), i from 1. */
static const uint32_t *md5_table(void) {
  static uint32_t table[64];
  static int is_filled;
  if (!is_filled) {
    for (int i = 0; i < 64; i++) table[i] = (uint32_t)(4294967296.0 * fabs(sin(i + 1.0)));
    is_filled = 1;
  }
  return table;
}

static void md5_block(uint32_t *state, const uint8_t *block) {
  const uint32_t *table = md5_table();
  uint32_t m[16];
  for (int i = 0; i < 16; i++) m[i] = load_little(block + 4 * i);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  for (int i = 0; i < 64; i++) {
    uint32_t f;
    int from;
    if (i < 16) f = (b & c) | (~b & d), from = i;
    else if (i < 32) f = (d & b) | (~d & c), from = (5 * i + 1) % 16;
    else if (i < 48) f = b ^ c ^ d, from = (3 * i + 5) % 16;
    else f = c ^ (b | ~d), from = 7 * i % 16;
    uint32_t turned = rotate_left(a + f + table[i] + m[from], MD5_SHIFT[i / 16][i % 4]);
    a = d, d = c, c = b, b += turned;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

void md5(const void *data, size_t length, uint8_t out[16]) {
  uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  finish(state, (struct finish){md5_block, 0, 0}, data, length);
  for (int i = 0; i < 4; i++) store_little(out + 4 * i, state[i]);
}

void hex_encode(const uint8_t *bytes, size_t length, char *out) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < length; i++) {
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
  *out = 0;
}

void base64_encode(const uint8_t *bytes, size_t length, char *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < length; i += 3) {
    size_t have = length - i < 3 ? length - i : 3;
    uint32_t three = (uint32_t)bytes[i] << 16;
    if (have > 1) three |= (uint32_t)bytes[i + 1] << 8;
    if (have > 2) three |= bytes[i + 2];
    *out++ = digits[three >> 18];
    *out++ = digits[three >> 12 & 63];
    *out++ = have > 1 ? digits[three >> 6 & 63] : '=';
    *out++ = have > 2 ? digits[three & 63] : '=';
  }
  *out = 0;
}
