/* Tells Millwright how a training job is doing: one header, C99 and POSIX sockets, no library.
 * Include it in one .c file of the program (it keeps a little state there).
 *
 *   struct mw_progress p = MW_PROGRESS_INIT;
 *   p.step = 5; p.steps_total = 100; p.loss = 2.5;
 *   mw_report(&p);
 *   mw_checkpoint_begin(); ...; mw_checkpoint_saved("/abs/path", 5);
 *   if (mw_checkpoint_wanted(NULL)) ...            save now: the job has to leave a node
 *   mw_close();                                    at the end: sends what was held back
 *
 * What holds: nothing here ends the program, and without a Millwright job around it nothing is
 * sent. Calls are synchronous, from one thread: a report takes a fraction of a millisecond, at
 * most one a second leaves (the others return at once, and the last is kept for later), and a
 * control plane that does not answer costs at most MW_TIMEOUT_MS a try, of which there is at most
 * one in MW_RETRY_S seconds. Python's client (clients/python) does the same from a thread.
 */
#ifndef MILLWRIGHT_H
#define MILLWRIGHT_H

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MW_TIMEOUT_MS 1000 /* of one connect, send or receive: the control plane is near */
#define MW_REPORT_S 1      /* between two progress reports; a person reads no faster */
#define MW_RETRY_S 5       /* between two tries to reach a control plane that was away */
#define MW_PATH_MAX 4096   /* of a checkpoint's path, with its end */
#define MW_STEP_TIMES 25   /* of so many steps the median is told */

/* What a report says. Leave a member as MW_PROGRESS_INIT sets it to say nothing about it. A loss
 * that is not a number is told as the fault job.nan_loss. */
struct mw_progress {
  long long step;        /* done so far */
  long long steps_total; /* in all */
  long long samples;     /* consumed so far */
  double loss;
  double rate;      /* in `unit` per second */
  const char* unit; /* for example "tokens"; at most 63 bytes */
};
#define MW_PROGRESS_INIT \
  { -1, -1, -1, -HUGE_VAL, -HUGE_VAL, NULL }

enum mw_outcome {
  MW_SENT = 0,    /* taken by the control plane */
  MW_HELD = 1,    /* kept, to be sent by a later call */
  MW_NO_JOB = 2,  /* not inside a Millwright job: nothing to do */
  MW_FAILED = -1, /* not delivered; progress and the last checkpoint are kept for a later call */
  MW_REFUSED = -2 /* this attempt is over, or the message was wrong: not tried again */
};

/* Says how far the job is. */
static inline enum mw_outcome mw_report(const struct mw_progress* progress);
/* How long this rank's own work of one step took, without the time in which it waits for others.
 * Every rank calls it, once a step; slow ranks are found by comparing them. */
static inline enum mw_outcome mw_step_time(double seconds);
/* From now until mw_checkpoint_saved() the job's time is accounted as checkpointing. */
static inline enum mw_outcome mw_checkpoint_begin(void);
/* The state after `step` steps is safe at the absolute `path`; a restart is handed this path. */
static inline enum mw_outcome mw_checkpoint_saved(const char* path, long long step);
/* Something is wrong with this rank: "job.slow_rank", or another code that begins with "job.";
 * `detail`: one line, or NULL. What is done about it is the fault policy's to say. */
static inline enum mw_outcome mw_fault(const char* code, const char* detail);
/* Whether the last answer asked to save now, because the job has to leave a node; and, unless
 * `within_s` is NULL, how many seconds are left before it is stopped (HUGE_VAL: it may take its
 * time). */
static inline int mw_checkpoint_wanted(double* within_s);
/* Seconds of work between two checkpoints that would lose the least time, by the last answer;
 * `otherwise` until the control plane knows it. */
static inline double mw_checkpoint_interval(double otherwise);
/* Path of the checkpoint to continue from, and its step; NULL at the beginning. */
static inline const char* mw_resume(long long* step);
/* Which task of the job this is, from 0. */
static inline int mw_rank(void);
/* How many tasks the job has. */
static inline int mw_world_size(void);
/* Sends what was held back. Call it before the program ends. */
static inline enum mw_outcome mw_close(void);

/* --- the rest is how -------------------------------------------------------------------------- */

struct mw_state {
  struct mw_progress held; /* the newest progress; its unit points to `unit` */
  char unit[64];
  int has_held;
  double steps[MW_STEP_TIMES]; /* sorted; the first `step_count` */
  int step_count;
  double step_time;             /* the median, not told yet; 0: none */
  char checkpoint[MW_PATH_MAX]; /* saved, and not yet told; "" when there is none */
  long long checkpoint_step;
  char url[256];
  int over;         /* nothing sent later would be taken */
  int nan_told;     /* a loss that is not a number, and none that is one since */
  int wanted;       /* by the last answer: to save now, */
  double wanted_by; /* and until then, as mw_now_s() counts; HUGE_VAL: without a limit */
  double interval;  /* likewise, between checkpoints; 0: not known */
  time_t sent_at;   /* of the last progress; 0: never */
  time_t failed_at; /* of the last try; 0: it worked */
};

static inline struct mw_state* mw_state(void) {
  static struct mw_state state;
  return &state;
}

static inline long long mw_environment_number(const char* name, long long otherwise) {
  const char* text = getenv(name);
  char* end = NULL;
  long long value;
  if (text == NULL || *text == '\0') return otherwise;
  errno = 0;
  value = strtoll(text, &end, 10);
  return (errno != 0 || *end != '\0') ? otherwise : value;
}

static inline int mw_rank(void) {
  return (int)mw_environment_number("MILLWRIGHT_RANK", mw_environment_number("RANK", 0));
}

static inline int mw_world_size(void) {
  return (int)mw_environment_number("MILLWRIGHT_TASKS", mw_environment_number("WORLD_SIZE", 1));
}

static inline const char* mw_resume(long long* step) {
  const char* path = getenv("MILLWRIGHT_CHECKPOINT_PATH");
  if (path == NULL || *path == '\0') return NULL;
  if (step != NULL) *step = mw_environment_number("MILLWRIGHT_CHECKPOINT_STEP", 0);
  return path;
}

/* A text that is being made in a buffer; `full` once something did not fit. */
struct mw_text {
  char* data;
  size_t size, used;
  int full;
};

static inline void mw_put(struct mw_text* text, const char* more) {
  size_t length = strlen(more);
  if (text->full || text->used + length + 1 > text->size) {
    text->full = 1;
    return;
  }
  memcpy(text->data + text->used, more, length + 1);
  text->used += length;
}

static inline void mw_put_number(struct mw_text* text, const char* key, long long value) {
  char number[32];
  if (value < 0) return;
  (void)snprintf(number, sizeof number, "%lld", value);
  mw_put(text, key);
  mw_put(text, number);
}

static inline void mw_put_real(struct mw_text* text, const char* key, double value) {
  char number[40], *c;
  if (!isfinite(value)) return; /* JSON has no such number */
  (void)snprintf(number, sizeof number, "%.9g", value);
  for (c = number; *c != '\0'; ++c) {
    if (*c == ',') *c = '.'; /* the program may have set a locale */
  }
  mw_put(text, key);
  mw_put(text, number);
}

/* As much as fits, and no half of a character: JSON is UTF-8. */
static inline void mw_copy(char* to, size_t size, const char* from) {
  size_t length = strlen(from);
  if (length >= size) {
    length = size - 1;
    while (length > 0 && ((unsigned char)from[length] & 0xC0) == 0x80) --length;
  }
  memcpy(to, from, length);
  to[length] = '\0';
}

static inline void mw_put_string(struct mw_text* text, const char* key, const char* value) {
  char piece[8];
  mw_put(text, key);
  mw_put(text, "\"");
  for (; *value != '\0'; ++value) {
    unsigned char c = (unsigned char)*value;
    if (c == '"' || c == '\\') {
      (void)snprintf(piece, sizeof piece, "\\%c", c);
    } else if (c < 0x20) {
      (void)snprintf(piece, sizeof piece, "\\u%04x", c);
    } else {
      piece[0] = (char)c;
      piece[1] = '\0';
    }
    mw_put(text, piece);
  }
  mw_put(text, "\"");
}

/* A connection to http://ADDRESS:PORT, ADDRESS being an IPv4 address or "localhost"; -1: none. */
static inline int mw_connect(const char* url, char* host, size_t host_size) {
  struct sockaddr_in address;
  struct timeval limit;
  const char *begin = url + strlen("http://"), *colon;
  char* end = NULL;
  long port;
  size_t length;
  int fd;
  if (strncmp(url, "http://", strlen("http://")) != 0) return -1;
  colon = strchr(begin, ':');
  if (colon == NULL) return -1;
  length = (size_t)(colon - begin);
  port = strtol(colon + 1, &end, 10);
  if (length + 1 > host_size || port < 1 || port > 65535 || (*end != '\0' && *end != '/'))
    return -1;
  memcpy(host, begin, length);
  host[length] = '\0';
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &address.sin_addr) !=
      1) {
    return -1;
  }
  fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  limit.tv_sec = MW_TIMEOUT_MS / 1000;
  limit.tv_usec = (MW_TIMEOUT_MS % 1000) * 1000;
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); /* of connect, too */
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) {
    (void)close(fd);
    return -1;
  }
  return fd;
}

static inline int mw_send_all(int fd, const char* data, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return -1;
    data += sent;
    length -= (size_t)sent;
  }
  return 0;
}

static inline double mw_now_s(void) {
  struct timeval now;
  (void)gettimeofday(&now, NULL);
  return (double)now.tv_sec + (double)now.tv_usec / 1e6;
}

/* What stands behind the key in an answer, which is one flat object; NULL: it is not there. */
static inline const char* mw_member(const char* answer, const char* key) {
  const char* at = strstr(answer, key);
  if (at == NULL) return NULL;
  at += strlen(key);
  while (*at == ' ') ++at;
  return at;
}

/* A time in seconds; -1 where there is none. By hand, for a locale may read points otherwise. */
static inline double mw_seconds(const char* text) {
  double value = 0, part = 0.1;
  int exponent = 0, negative = 0;
  if (text == NULL || *text < '0' || *text > '9') return -1;
  for (; *text >= '0' && *text <= '9'; ++text) value = value * 10 + (*text - '0');
  if (*text == '.') {
    for (++text; *text >= '0' && *text <= '9'; ++text, part /= 10) value += part * (*text - '0');
  }
  if (*text == 'e' || *text == 'E') {
    ++text;
    negative = *text == '-';
    if (*text == '-' || *text == '+') ++text;
    for (; *text >= '0' && *text <= '9' && exponent < 100; ++text) {
      exponent = exponent * 10 + (*text - '0');
    }
    for (; exponent > 0; --exponent) value = negative ? value / 10 : value * 10; /* no libm */
  }
  return value;
}

static inline void mw_hear(const char* answer) {
  struct mw_state* state = mw_state();
  const char* wanted = mw_member(answer, "\"checkpoint_wanted\":");
  double within = mw_seconds(mw_member(answer, "\"checkpoint_within_s\":"));
  double interval = mw_seconds(mw_member(answer, "\"checkpoint_interval_s\":"));
  state->wanted = wanted != NULL && strncmp(wanted, "true", 4) == 0;
  state->wanted_by = within < 0 ? HUGE_VAL : mw_now_s() + within;
  state->interval = interval < 0 ? 0 : interval;
}

static inline int mw_checkpoint_wanted(double* within_s) {
  const struct mw_state* state = mw_state();
  double left = state->wanted ? state->wanted_by : HUGE_VAL;
  if (left < HUGE_VAL) left -= mw_now_s();
  if (within_s != NULL) *within_s = left < 0 ? 0 : left;
  return state->wanted;
}

static inline double mw_checkpoint_interval(double otherwise) {
  const struct mw_state* state = mw_state();
  return state->interval > 0 ? state->interval : otherwise;
}

/* The status of the answer to one POST /v1/report; -1 when there was none. */
static inline int mw_post(const char* url, const char* token, const char* body) {
  char host[128], head[1024], answer[2048];
  size_t got = 0;
  int length, status = -1, fd = mw_connect(url, host, sizeof host);
  if (fd < 0) return -1;
  length = snprintf(head, sizeof head,
                    "POST /v1/report HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                    "Content-Type: application/json\r\nContent-Length: %lu\r\n"
                    "Connection: close\r\n\r\n",
                    host, token, (unsigned long)strlen(body));
  if (length > 0 && (size_t)length < sizeof head && mw_send_all(fd, head, (size_t)length) == 0 &&
      mw_send_all(fd, body, strlen(body)) == 0) {
    /* "HTTP/1.1 200 ..." and an object of a few members; the connection ends with it. */
    while (got < sizeof answer - 1) {
      ssize_t more = recv(fd, answer + got, sizeof answer - 1 - got, 0);
      if (more < 0 && errno == EINTR) continue;
      if (more <= 0) break;
      got += (size_t)more;
    }
    answer[got] = '\0';
    if (got >= 12 && strncmp(answer, "HTTP/1.", 7) == 0) status = atoi(answer + 9);
    if (status == 200) mw_hear(answer);
  }
  (void)close(fd);
  return status;
}

/* The control plane may have come back elsewhere: its endpoint file says where. */
static inline void mw_look_up_endpoint(struct mw_state* state) {
  const char* path = getenv("MILLWRIGHT_ENDPOINT_FILE");
  FILE* file = (path == NULL) ? NULL : fopen(path, "r");
  char line[sizeof state->url];
  if (file == NULL) return;
  if (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] != '\0') memcpy(state->url, line, sizeof line);
  }
  (void)fclose(file);
}

/* Sends one message: `members` are those of a JSON object, each with a comma before it. */
static inline enum mw_outcome mw_send(const struct mw_text* members) {
  struct mw_state* state = mw_state();
  const char *token = getenv("MILLWRIGHT_TOKEN"), *url = getenv("MILLWRIGHT_URL");
  char body[2 * MW_PATH_MAX + 256];
  int status;
  if (token == NULL || *token == '\0' || url == NULL || *url == '\0') return MW_NO_JOB;
  if (members->full) return MW_REFUSED;
  if (state->over) return MW_REFUSED;
  if (state->failed_at != 0 && time(NULL) - state->failed_at < MW_RETRY_S) return MW_FAILED;
  if (state->url[0] == '\0') (void)snprintf(state->url, sizeof state->url, "%s", url);
  (void)snprintf(body, sizeof body, "{\"rank\":%d%s}", mw_rank(), members->data);
  status = mw_post(state->url, token, body);
  if (status < 0) {
    mw_look_up_endpoint(state);
    status = mw_post(state->url, token, body);
  }
  if (status < 0 || status >= 500 || status == 429) {
    state->failed_at = time(NULL);
    return MW_FAILED;
  }
  state->failed_at = 0;
  if (status == 401 || status == 403 || status == 409) state->over = 1;
  return (status >= 200 && status < 300) ? MW_SENT : MW_REFUSED;
}

static inline enum mw_outcome mw_send_held(void) {
  struct mw_state* state = mw_state();
  const struct mw_progress* held = &state->held;
  char buffer[1024];
  struct mw_text text = {buffer, sizeof buffer, 0, 0};
  enum mw_outcome outcome;
  if (!state->has_held) return MW_SENT;
  buffer[0] = '\0';
  mw_put_number(&text, ",\"step\":", held->step);
  mw_put_number(&text, ",\"steps_total\":", held->steps_total);
  mw_put_number(&text, ",\"samples\":", held->samples);
  mw_put_real(&text, ",\"loss\":", held->loss);
  mw_put_real(&text, ",\"rate\":", held->rate);
  if (state->unit[0] != '\0') mw_put_string(&text, ",\"unit\":", state->unit);
  if (state->step_time > 0) mw_put_real(&text, ",\"step_time_s\":", state->step_time);
  outcome = mw_send(&text);
  if (outcome != MW_FAILED) {
    state->has_held = 0;
    state->step_time = 0;
  }
  if (outcome == MW_SENT) state->sent_at = time(NULL);
  return outcome;
}

static inline enum mw_outcome mw_send_checkpoint(void) {
  struct mw_state* state = mw_state();
  char buffer[2 * MW_PATH_MAX];
  struct mw_text text = {buffer, sizeof buffer, 0, 0};
  enum mw_outcome outcome;
  if (state->checkpoint[0] == '\0') return MW_SENT;
  buffer[0] = '\0';
  mw_put_string(&text, ",\"checkpoint\":{\"path\":", state->checkpoint);
  mw_put_number(&text, ",\"step\":", state->checkpoint_step);
  mw_put(&text, "}");
  outcome = mw_send(&text);
  if (outcome != MW_FAILED) state->checkpoint[0] = '\0';
  return outcome;
}

/* What is held goes now, unless something went just before. */
static inline enum mw_outcome mw_send_when_due(void) {
  struct mw_state* state = mw_state();
  if (state->sent_at != 0 && time(NULL) - state->sent_at < MW_REPORT_S) return MW_HELD;
  if (mw_send_checkpoint() == MW_FAILED) return MW_FAILED; /* the older message goes first */
  return mw_send_held();
}

static inline enum mw_outcome mw_step_time(double seconds) {
  const struct mw_progress nothing = MW_PROGRESS_INIT;
  struct mw_state* state = mw_state();
  int at;
  if (!isfinite(seconds) || seconds <= 0) return MW_REFUSED;
  for (at = state->step_count++; at > 0 && state->steps[at - 1] > seconds; --at) {
    state->steps[at] = state->steps[at - 1];
  }
  state->steps[at] = seconds;
  if (state->step_count < MW_STEP_TIMES) return MW_HELD;
  state->step_count = 0;
  state->step_time = state->steps[MW_STEP_TIMES / 2];
  if (!state->has_held) state->held = nothing;
  state->has_held = 1;
  return mw_send_when_due();
}

static inline enum mw_outcome mw_fault(const char* code, const char* detail) {
  char buffer[1024], line[500];
  struct mw_text text = {buffer, sizeof buffer, 0, 0};
  buffer[0] = '\0';
  mw_copy(line, sizeof line, detail == NULL ? "" : detail);
  mw_put_string(&text, ",\"fault\":{\"code\":", code);
  mw_put_string(&text, ",\"detail\":", line);
  mw_put(&text, "}");
  return mw_send(&text);
}

static inline void mw_look_at_loss(const struct mw_progress* progress) {
  struct mw_state* state = mw_state();
  char detail[48] = "";
  if (isfinite(progress->loss)) state->nan_told = 0;
  if (!isnan(progress->loss) || state->nan_told) return;
  if (progress->step >= 0) (void)snprintf(detail, sizeof detail, "at step %lld", progress->step);
  state->nan_told = mw_fault("job.nan_loss", detail) == MW_SENT;
}

static inline enum mw_outcome mw_report(const struct mw_progress* progress) {
  struct mw_state* state = mw_state();
  mw_look_at_loss(progress);
  state->held = *progress;
  state->held.unit = NULL;
  state->has_held = 1;
  if (progress->unit != NULL) { mw_copy(state->unit, sizeof state->unit, progress->unit); }
  return mw_send_when_due();
}

static inline enum mw_outcome mw_checkpoint_begin(void) {
  char buffer[] = ",\"checkpointing\":true";
  struct mw_text text = {buffer, sizeof buffer, sizeof buffer - 1, 0};
  if (mw_send_checkpoint() == MW_FAILED) return MW_FAILED;
  (void)mw_send_held(); /* progress after the beginning would end it */
  return mw_send(&text);
}

static inline enum mw_outcome mw_checkpoint_saved(const char* path, long long step) {
  struct mw_state* state = mw_state();
  if (path == NULL || path[0] != '/' || strlen(path) >= sizeof state->checkpoint || step < 0) {
    return MW_REFUSED;
  }
  /* One that could not be told yet is replaced: only the newest matters. */
  memcpy(state->checkpoint, path, strlen(path) + 1);
  state->checkpoint_step = step;
  return mw_send_checkpoint();
}

static inline enum mw_outcome mw_close(void) {
  struct mw_state* state = mw_state();
  enum mw_outcome checkpoint, progress;
  state->failed_at = 0; /* the last chance: worth one more try */
  checkpoint = mw_send_checkpoint();
  progress = (checkpoint == MW_FAILED) ? MW_FAILED : mw_send_held();
  return (checkpoint != MW_SENT) ? checkpoint : progress;
}

#endif /* MILLWRIGHT_H */
