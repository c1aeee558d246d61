/* Drives millwright.h from a script on standard input, one call a line, and prints what each call
 * returned; millwright_test.py looks at what arrived at a server. In C99 without extensions, as a
 * user's program may be. Lines: report STEP LOSS UNIT | step_time SECONDS | begin | saved PATH STEP
 * | fault CODE | long CODE | wanted | interval | resume | rank | close */
#include "millwright.h"

int main(void) {
  char line[MW_PATH_MAX + 64], path[MW_PATH_MAX], unit[64];
  long long step;
  double loss;
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "report %lld %lf %63s", &step, &loss, unit) == 3) {
      struct mw_progress progress = MW_PROGRESS_INIT;
      progress.step = step;
      progress.loss = loss;
      progress.unit = unit;
      printf("%d\n", (int)mw_report(&progress));
    } else if (sscanf(line, "step_time %lf", &loss) == 1) {
      printf("%d\n", (int)mw_step_time(loss));
    } else if (strcmp(line, "begin\n") == 0) {
      printf("%d\n", (int)mw_checkpoint_begin());
    } else if (sscanf(line, "saved %4095s %lld", path, &step) == 2) {
      printf("%d\n", (int)mw_checkpoint_saved(path, step));
    } else if (sscanf(line, "fault %63s", unit) == 1) {
      printf("%d\n", (int)mw_fault(unit, "3 s behind"));
    } else if (sscanf(line, "long %63s", unit) == 1) {
      char detail[601] = "";
      size_t at;
      for (at = 0; at < 600; at += 2) memcpy(detail + at, "\xC3\xA4", 3); /* one of two bytes */
      printf("%d\n", (int)mw_fault(unit, detail));
    } else if (strcmp(line, "wanted\n") == 0) {
      int wanted = mw_checkpoint_wanted(&loss);
      printf("%d within %.3f\n", wanted, loss);
    } else if (strcmp(line, "interval\n") == 0) {
      printf("every %.6g\n", mw_checkpoint_interval(30));
    } else if (strcmp(line, "resume\n") == 0) {
      const char* from = mw_resume(&step);
      if (from == NULL)
        printf("none\n");
      else
        printf("%s %lld\n", from, step);
    } else if (strcmp(line, "rank\n") == 0) {
      printf("%d of %d\n", mw_rank(), mw_world_size());
    } else if (strcmp(line, "close\n") == 0) {
      printf("%d\n", (int)mw_close());
    } else {
      fprintf(stderr, "unknown line: %s", line);
      return 2;
    }
    fflush(stdout);
  }
  return 0;
}
