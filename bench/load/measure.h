/* What is measured: CPU and memory of the server, load of its core, latencies. How a run fails. */
#ifndef LOCKGATE_BENCH_MEASURE_H
#define LOCKGATE_BENCH_MEASURE_H

#include <stdint.h>

/* The server under test as the kernel knows it. */
struct target {
  int pid;  /* 0: not measured */
  int core; /* -1: not pinned, so its core's load is not measured */
};

/* One reading; two of them make a measurement. */
struct snapshot {
  int64_t at_ns;
  int64_t user_ticks, system_ticks; /* of the whole process, 1/100 s */
  int64_t rss_bytes;
  int64_t core_busy_ticks; /* everything that ran on the core, the server included */
};

int64_t now_ns(void);
struct snapshot take_snapshot(struct target target);
/* Prints `"name":{...}` with times in seconds and memory in bytes, no comma. */
void print_span(const char *name, struct snapshot from, struct snapshot to);

/* Latencies in buckets 1/32 of their power of two wide: at most 3 % off, bounded memory. */
#define LATENCY_BUCKETS (64 * 32)
struct latencies {
  uint64_t counts[LATENCY_BUCKETS];
  uint64_t total;
};
void latency_add(struct latencies *all, int64_t ns);
/* Prints `"name":{"p50":..,"p99":..,"max":..}`, no comma. */
void print_latencies(const char *name, const struct latencies *all);

/* The server broke a promise: explains on standard error and ends with 1. */
_Noreturn void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The run could not be made: explains on standard error and ends with 2. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
