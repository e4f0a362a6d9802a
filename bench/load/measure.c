#include "measure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void read_text(const char *path, char *out, size_t size) {
  FILE *file = fopen(path, "r");
  if (!file) fail("cannot read %s: the server is gone", path);
  size_t length = fread(out, 1, size - 1, file);
  fclose(file);
  out[length] = 0;
}

/* proc(5): the name in brackets may hold anything, so fields are counted from the last bracket. */
static void read_process(int pid, struct snapshot *into) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  read_text(path, text, sizeof text);
  char *after_name = strrchr(text, ')');
  unsigned long user = 0, system = 0;
  if (!after_name || sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                            &user, &system) != 2)
    fail("%s has an unknown form", path);
  into->user_ticks = (int64_t)user;
  into->system_ticks = (int64_t)system;

  long pages = 0;
  snprintf(path, sizeof path, "/proc/%d/statm", pid);
  read_text(path, text, sizeof text);
  if (sscanf(text, "%*d %ld", &pages) != 1) fail("%s has an unknown form", path);
  into->rss_bytes = (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Everything but idle and iowait; time stolen by the hypervisor counts as foreign load. */
static int64_t read_core_busy(int core) {
  char name[16], text[16384];
  snprintf(name, sizeof name, "cpu%d ", core);
  read_text("/proc/stat", text, sizeof text);
  char *line = strstr(text, name);
  unsigned long long f[8];
  if (!line || sscanf(line + strlen(name), "%llu %llu %llu %llu %llu %llu %llu %llu", &f[0], &f[1],
                      &f[2], &f[3], &f[4], &f[5], &f[6], &f[7]) != 8)
    fail("/proc/stat does not list core %d", core);
  return (int64_t)(f[0] + f[1] + f[2] + f[5] + f[6] + f[7]);
}

struct snapshot take_snapshot(struct target target) {
  struct snapshot taken = {.at_ns = now_ns()};
  if (target.pid > 0) read_process(target.pid, &taken);
  if (target.core >= 0) taken.core_busy_ticks = read_core_busy(target.core);
  return taken;
}

void print_span(const char *name, struct snapshot from, struct snapshot to) {
  double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
  printf("\"%s\":{\"seconds\":%.6f,\"userSeconds\":%.3f,\"systemSeconds\":%.3f,"
         "\"coreBusySeconds\":%.3f,\"rssBytesBefore\":%lld,\"rssBytesAfter\":%lld}",
         name, (double)(to.at_ns - from.at_ns) / 1e9,
         (double)(to.user_ticks - from.user_ticks) * tick,
         (double)(to.system_ticks - from.system_ticks) * tick,
         (double)(to.core_busy_ticks - from.core_busy_ticks) * tick, (long long)from.rss_bytes,
         (long long)to.rss_bytes);
}

void latency_add(struct latencies *all, int64_t ns) {
  uint64_t value = ns < 1 ? 1 : (uint64_t)ns;
  int power = 63 - __builtin_clzll(value);
  uint64_t five_bits = power >= 5 ? value >> (power - 5) : value << (5 - power);
  unsigned part = (unsigned)five_bits & 31;
  all->counts[power * 32 + (int)part]++;
  all->total++;
}

static double latency_at(const struct latencies *all, double share) {
  uint64_t wanted = (uint64_t)(share * (double)all->total), seen = 0;
  for (int i = 0; i < LATENCY_BUCKETS; i++) {
    seen += all->counts[i];
    if (seen > wanted || (seen == all->total && seen > 0)) {
      double width = (double)(1ull << (i / 32)) / 32;
      return ((double)(1ull << (i / 32)) + width * (i % 32 + 0.5)) / 1000;
    }
  }
  return 0;
}

void print_latencies(const char *name, const struct latencies *all) {
  printf("\"%s\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name, latency_at(all, 0.5),
         latency_at(all, 0.99), latency_at(all, 1));
}

static void explain(const char *format, va_list arguments) {
  fflush(stdout);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
}

void fault(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  explain(format, arguments);
  va_end(arguments);
  exit(1);
}

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  explain(format, arguments);
  va_end(arguments);
  exit(2);
}
