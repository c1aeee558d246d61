/* The measuring end of bench/peer_slurm: speaks to slurmctld through libslurm, as Slurm's own
 * commands do, so that what is timed is the controller and not the start of a program.
 *
 * Reads one command a line, answers each with one line of JSON; an answer with "error" did not
 * work. Times are taken here, with the monotonic clock, around the one call that is measured.
 *
 *   submit NODES GPUS MINUTES PARTITION HOSTLIST|-   {"job": 7, "ms": 1.2}
 *   hold NODES GPUS MINUTES PARTITION HOSTLIST|-     the same, held: Slurm does not look at it yet
 *   release JOB               it may be looked at     {"ms": 0.3}
 *   await JOB SECONDS         until it has started    {"ms": 640.0, "nodes": ["n1", "n2"]}
 *   cancel JOB SECONDS        until its nodes are free {"ms": 3.1}
 *   partition NAME up|down                            {"ms": 0.4}
 *   stats                     as sdiag                {"main_cycle_max_us": 612000, ...}
 *   reset                     the counters of stats   {"ms": 0.2}
 */
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Exported by libslurm, and missing in its header. */
extern void slurm_free_stats_response_msg(stats_info_response_msg_t* message);

enum { kLineMax = 1 << 20, kPollMicroseconds = 10000, kSubmitTries = 200 };

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void answer_ms(double began) { printf("{\"ms\": %.3f}\n", now_ms() - began); }

static void answer_error(const char* what) {
  printf("{\"error\": \"%s: %s\"}\n", what, slurm_strerror(slurm_get_errno()));
}

/* slurmctld answers EAGAIN, or that it is busy, while its scheduler holds the locks: the time of
 * trying again is a part of what a submit takes. */
static void submit(char* arguments, int held) {
  unsigned nodes = 0, gpus = 0, minutes = 0;
  char partition[64], gres[32];
  static char hosts[kLineMax];
  if (sscanf(arguments, "%u %u %u %63s %1048575s", &nodes, &gpus, &minutes, partition, hosts) !=
      5) {
    printf("{\"error\": \"submit takes five arguments\"}\n");
    return;
  }
  static char* environment[] = {"PATH=/usr/bin:/bin", NULL};
  snprintf(gres, sizeof gres, "gres:gpu:%u", gpus);
  job_desc_msg_t job;
  slurm_init_job_desc_msg(&job);
  job.name = "peer";
  job.script = "#!/bin/sh\nexec sleep 100000\n";
  job.environment = environment;
  job.env_size = 1;
  job.user_id = getuid();
  job.group_id = getgid();
  job.work_dir = "/tmp";
  job.std_in = job.std_out = "/dev/null";
  job.min_nodes = job.max_nodes = nodes;
  job.num_tasks = nodes;
  job.tres_per_node = gres;
  job.time_limit = minutes;
  job.partition = partition;
  if (held) job.priority = 0;
  if (strcmp(hosts, "-") != 0) job.req_nodes = hosts;
  submit_response_msg_t* response = NULL;
  const double began = now_ms();
  int tries = 0;
  while (slurm_submit_batch_job(&job, &response) != SLURM_SUCCESS) {
    if (++tries == kSubmitTries) {
      answer_error("submit");
      return;
    }
    usleep(5000);
  }
  printf("{\"job\": %u, \"ms\": %.3f, \"tries\": %d}\n", response->job_id, now_ms() - began,
         tries + 1);
  slurm_free_submit_response_response_msg(response);
}

static void release(unsigned id) {
  job_desc_msg_t job;
  slurm_init_job_desc_msg(&job);
  job.job_id = id;
  job.priority = INFINITE;
  const double began = now_ms();
  if (slurm_update_job(&job) != SLURM_SUCCESS) return answer_error("release");
  answer_ms(began);
}

static void print_nodes(const char* hosts) {
  hostlist_t list = slurm_hostlist_create(hosts);
  const char* separator = "";
  char* host;
  while ((host = slurm_hostlist_shift(list)) != NULL) {
    printf("%s\"%s\"", separator, host);
    separator = ", ";
    free(host);
  }
  slurm_hostlist_destroy(list);
}

/* Whether the job has nodes (1), waits (0), or is done or unknown (-1). `message` is the job's. */
static int look(unsigned id, job_info_msg_t** message) {
  *message = NULL;
  if (slurm_load_job(message, id, SHOW_ALL) != SLURM_SUCCESS || (*message)->record_count == 0)
    return -1;
  const slurm_job_info_t* job = &(*message)->job_array[0];
  const unsigned state = job->job_state & JOB_STATE_BASE;
  if (state == JOB_PENDING) return 0;
  return state == JOB_RUNNING && job->nodes != NULL && job->nodes[0] != '\0' ? 1 : -1;
}

static void await_start(unsigned id, double seconds) {
  const double began = now_ms();
  for (;;) {
    job_info_msg_t* message;
    const int started = look(id, &message);
    const double ms = now_ms() - began;
    if (started == 1) {
      printf("{\"ms\": %.3f, \"nodes\": [", ms);
      print_nodes(message->job_array[0].nodes);
      printf("]}\n");
    } else if (started < 0 || ms > seconds * 1e3) {
      printf("{\"error\": \"job %u %s\"}\n", id,
             started < 0 ? "ended without having been started" : "has not started in time");
    }
    slurm_free_job_info_msg(message);
    if (started != 0 || ms > seconds * 1e3) return;
    usleep(kPollMicroseconds);
  }
}

static void cancel(unsigned id, double seconds) {
  const double began = now_ms();
  if (slurm_kill_job(id, 9, 0) != SLURM_SUCCESS && slurm_get_errno() != ESLURM_ALREADY_DONE) {
    answer_error("cancel");
    return;
  }
  for (;;) {
    job_info_msg_t* message;
    const int state = look(id, &message);
    const int completing = message != NULL && message->record_count > 0 &&
                           (message->job_array[0].job_state & JOB_COMPLETING) != 0;
    slurm_free_job_info_msg(message);
    if (state < 0 && !completing) return answer_ms(began);
    if (now_ms() - began > seconds * 1e3) {
      printf("{\"error\": \"job %u still has nodes\"}\n", id);
      return;
    }
    usleep(kPollMicroseconds);
  }
}

static void set_partition(char* name, int up) {
  update_part_msg_t update;
  slurm_init_part_desc_msg(&update);
  update.name = name;
  update.state_up = up ? PARTITION_UP : PARTITION_DOWN;
  const double began = now_ms();
  if (slurm_update_partition(&update) != SLURM_SUCCESS) return answer_error("partition");
  answer_ms(began);
}

static void tell_stats(void) {
  stats_info_request_msg_t request = {.command_id = STAT_COMMAND_GET};
  stats_info_response_msg_t* stats = NULL;
  if (slurm_get_statistics(&stats, &request) != SLURM_SUCCESS) return answer_error("stats");
  printf(
      "{\"main_cycle_max_us\": %u, \"main_cycle_last_us\": %u, \"main_cycle_sum_us\": %u, "
      "\"main_cycles\": %u, \"started\": %u, \"backfill_started\": %u, "
      "\"backfill_active\": %u, \"backfill_cycles\": %u, \"backfill_last_us\": %u, "
      "\"backfill_max_us\": %u, \"backfill_tried\": %u, \"backfill_queue\": %u}\n",
      stats->schedule_cycle_max, stats->schedule_cycle_last, stats->schedule_cycle_sum,
      stats->schedule_cycle_counter, stats->jobs_started, stats->bf_backfilled_jobs,
      stats->bf_active, stats->bf_cycle_counter, stats->bf_cycle_last, stats->bf_cycle_max,
      stats->bf_last_depth_try, stats->bf_queue_len);
  slurm_free_stats_response_msg(stats);
}

static void reset(void) {
  stats_info_request_msg_t request = {.command_id = STAT_COMMAND_RESET};
  const double began = now_ms();
  if (slurm_reset_statistics(&request) != SLURM_SUCCESS) return answer_error("reset");
  answer_ms(began);
}

int main(void) {
  static char line[kLineMax];
  slurm_init(NULL);
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned id = 0;
    double seconds = 0;
    char name[64], how[8];
    if (strncmp(line, "submit ", 7) == 0)
      submit(line + 7, 0);
    else if (strncmp(line, "hold ", 5) == 0)
      submit(line + 5, 1);
    else if (sscanf(line, "release %u", &id) == 1)
      release(id);
    else if (sscanf(line, "await %u %lf", &id, &seconds) == 2)
      await_start(id, seconds);
    else if (sscanf(line, "cancel %u %lf", &id, &seconds) == 2)
      cancel(id, seconds);
    else if (sscanf(line, "partition %63s %7s", name, how) == 2)
      set_partition(name, strcmp(how, "up") == 0);
    else if (strcmp(line, "stats\n") == 0)
      tell_stats();
    else if (strcmp(line, "reset\n") == 0)
      reset();
    else
      printf("{\"error\": \"unknown command\"}\n");
    fflush(stdout);
  }
  return 0;
}
