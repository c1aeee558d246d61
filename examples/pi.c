/* A gang in C99: the ranks integrate 4 / (1 + x^2) from 0 to 1 together, a slice each in every
 * step, and send their sums to rank 0 over TCP, found as torchrun and MPI programs find it
 * (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT). Rank 0 reports the distance to pi as the loss and
 * saves a checkpoint every tenth step: a text file with the step and the sum, written beside and
 * renamed, in $CHECKPOINT_DIR or ~/.cache. All ranks then wait for rank 0's word, so
 * that they are in the same step; a rank that loses the other one exits with 1.
 *
 * usage: pi STEPS
 */
#define _POSIX_C_SOURCE 200809L
#include "millwright.h"

#include <sys/stat.h>

#define POINTS_A_STEP 20000000L /* of each rank; about 0.1 s */
#define CONNECT_TRIES 200       /* 50 ms apart: rank 0 may start ten seconds later */

static const double kPi = 3.14159265358979323846;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

/* Moves exactly `size` bytes, or ends the program: without its peer there is no gang. */
static void send_whole(int fd, const void* data, size_t size) {
  if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) fail("send to the other rank");
}
static void receive_whole(int fd, void* data, size_t size) {
  if (recv(fd, data, size, MSG_WAITALL) != (ssize_t)size) fail("receive from the other rank");
}

static struct sockaddr_in master_address(void) {
  const char* host = getenv("MASTER_ADDR");
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)mw_environment_number("MASTER_PORT", 0));
  if (host == NULL || strcmp(host, "localhost") == 0) host = "127.0.0.1";
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    fprintf(stderr, "pi: MASTER_ADDR is '%s'; it must be an IPv4 address\n", host);
    exit(1);
  }
  return address;
}

/* Rank 0: a connection to each of the others, in the order of their ranks. */
static void accept_others(int* others, int world) {
  struct sockaddr_in address = master_address();
  int i, on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) fail("socket");
  (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) fail("bind to MASTER_PORT");
  if (listen(listener, world) != 0) fail("listen");
  for (i = 1; i < world; ++i) {
    int rank = 0, fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    receive_whole(fd, &rank, sizeof rank);
    if (rank < 1 || rank >= world) {
      fprintf(stderr, "pi: a rank %d of %d called\n", rank, world);
      exit(1);
    }
    others[rank] = fd;
  }
  (void)close(listener);
}

static int connect_to_master(int rank) {
  struct sockaddr_in address = master_address();
  struct timespec pause = {0, 50 * 1000 * 1000};
  int tries;
  for (tries = 0; tries < CONNECT_TRIES; ++tries) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) fail("socket");
    if (connect(fd, (struct sockaddr*)&address, sizeof address) == 0) {
      send_whole(fd, &rank, sizeof rank);
      return fd;
    }
    (void)close(fd);
    (void)nanosleep(&pause, NULL);
  }
  fail("connect to MASTER_ADDR");
  return -1;
}

/* The integral over slice `slice` of `slices` equal ones. */
static double integrate(long slice, long slices) {
  double width = 1.0 / (double)slices / POINTS_A_STEP, begin = (double)slice / (double)slices;
  double sum = 0;
  long i;
  for (i = 0; i < POINTS_A_STEP; ++i) {
    double x = begin + ((double)i + 0.5) * width;
    sum += 4.0 / (1.0 + x * x);
  }
  return sum * width;
}

static void save(const char* path, long step, double sum) {
  char beside[MW_PATH_MAX + 8];
  FILE* file;
  (void)mw_checkpoint_begin();
  (void)snprintf(beside, sizeof beside, "%s.new", path);
  file = fopen(beside, "w");
  if (file == NULL) fail(beside);
  if (fprintf(file, "%ld %.17g\n", step, sum) < 0 || fflush(file) != 0 ||
      fsync(fileno(file)) != 0) {
    fail(beside);
  }
  if (fclose(file) != 0 || rename(beside, path) != 0) fail(path);
  (void)mw_checkpoint_saved(path, step);
}

/* Where this job's checkpoint goes: two control planes count their jobs from 1 each, but their
 * ports differ. */
static void checkpoint_path(char* path, size_t size) {
  const char *folder = getenv("CHECKPOINT_DIR"), *home = getenv("HOME");
  const char *job = getenv("MILLWRIGHT_JOB_ID"), *url = getenv("MILLWRIGHT_URL");
  const char* port = (url == NULL) ? NULL : strrchr(url, ':');
  char cache[MW_PATH_MAX];
  if (folder == NULL) {
    (void)snprintf(cache, sizeof cache, "%s/.cache", home == NULL ? "." : home);
    if (mkdir(cache, 0700) != 0 && errno != EEXIST) fail(cache);
    folder = cache;
  }
  if (snprintf(path, size, "%s/millwright-pi-%ld-%s", folder,
               port == NULL ? 0L : strtol(port + 1, NULL, 10),
               job == NULL ? "none" : job) >= (int)size) {
    errno = ENAMETOOLONG;
    fail(folder);
  }
}

int main(int argc, char** argv) {
  int rank = mw_rank(), world = mw_world_size(), i, *others;
  long steps = argc > 1 ? strtol(argv[1], NULL, 10) : 100, step = 0;
  double sum = 0, word = 0;
  char path[MW_PATH_MAX];
  const char* from = mw_resume(NULL);

  if (steps < 1) {
    fprintf(stderr, "usage: pi STEPS (a whole number above 0)\n");
    return 2;
  }
  checkpoint_path(path, sizeof path);
  if (from != NULL) {
    FILE* file = fopen(from, "r");
    if (file == NULL || fscanf(file, "%ld %lf", &step, &sum) != 2) fail(from);
    (void)fclose(file);
    printf("rank %d continues from step %ld\n", rank, step);
    fflush(stdout);
  }
  others = calloc((size_t)world, sizeof *others);
  if (others == NULL) fail("calloc");
  if (rank == 0)
    accept_others(others, world);
  else
    others[0] = connect_to_master(rank);

  while (step < steps) {
    double part = integrate(step * world + rank, steps * world), theirs = 0;
    ++step;
    if (rank != 0) {
      send_whole(others[0], &part, sizeof part);
      receive_whole(others[0], &word, sizeof word);
      continue;
    }
    sum += part;
    for (i = 1; i < world; ++i) {
      receive_whole(others[i], &theirs, sizeof theirs);
      sum += theirs;
    }
    {
      struct mw_progress progress = MW_PROGRESS_INIT;
      progress.step = step;
      progress.steps_total = steps;
      progress.loss = fabs(kPi - sum);
      (void)mw_report(&progress);
    }
    if (step % 10 == 0) save(path, step, sum);
    for (i = 1; i < world; ++i) send_whole(others[i], &sum, sizeof sum);
  }
  if (rank == 0) {
    printf("pi = %.12f after %ld steps of %d ranks\n", sum, step, world);
    (void)mw_close();
    (void)unlink(path); /* it is done: nothing will continue from here */
  }
  free(others);
  return 0;
}
