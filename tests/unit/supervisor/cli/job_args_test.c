/* KERNEL INTERVAL or NAME: what a command line means. */
#include "supervisor/cli/job_args.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "shared/exit_code.h"

static const struct cmd cmd = { .name = "test", .operands = "", .summary = "" };
static struct job_options values;
static struct job_spec spec;
static const char *name;

/* Nobody is asked for an interval. */
static void prepare(void) {
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    cr_assert_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
}

static void clean(void) {
    job_spec_fini(&spec);
}

TestSuite(job_args, .init = prepare, .fini = clean);

static int read_words(char **words) {
    job_spec_fini(&spec);
    spec = (struct job_spec){ .engine = NULL };
    values = (struct job_options){ .chunk = 0 };
    return job_args_read_or_name(&cmd, words, job_spec_settings, &values, &spec, &name);
}

#define READ(...) read_words((char *[]){ __VA_ARGS__, NULL })

Test(job_args, single_operand_is_a_name) {
    cr_assert_eq(READ("nightly"), JOB_ARGS_READ);
    cr_assert_str_eq(name, "nightly");
    cr_assert_eq(READ("--quiet", "nightly", "--json"), JOB_ARGS_READ);
    cr_assert_str_eq(name, "nightly");
    cr_assert(values.quiet && values.json);
}

Test(job_args, name_of_a_kernel_is_a_name_while_nothing_follows) {
    cr_assert_eq(READ("primes"), JOB_ARGS_READ);
    cr_assert_str_eq(name, "primes");
    cr_assert_eq(READ("divisible", "--by", "3"), EXIT_CODE_USAGE, "who says so means the kernel");
    cr_assert_eq(READ("divisible", "--by", "11,13,17"), JOB_ARGS_READ, "the default");
}

Test(job_args, two_operands_are_a_kernel_and_an_interval) {
    char *command[] = { "command", "1..9", "--", "echo", "{lo}", NULL };

    cr_assert_eq(READ("divisible", "--by", "7", "3", "345", "212"), JOB_ARGS_READ);
    cr_assert_null(name);
    cr_assert_str_eq(spec.kernel.ops->name, "divisible");
    cr_assert_eq(spec.kernel.interval.hi, 3345212);
    cr_assert_eq(read_words(command), JOB_ARGS_READ);
    cr_assert_null(name);
    cr_assert_str_eq(spec.kernel.argv[1], "{lo}");
}

Test(job_args, name_takes_nothing_more) {
    cr_assert_eq(READ("nightly", "100"), EXIT_CODE_USAGE, "no kernel");
    cr_assert_eq(READ("nightly", "weekly"), EXIT_CODE_USAGE);
    cr_assert_eq(READ("nightly", "--", "ls"), EXIT_CODE_USAGE);
    cr_assert_eq(READ("nightly", "--by", "3"), EXIT_CODE_USAGE);
    cr_assert_eq(read_words((char *[]){ NULL }), EXIT_CODE_USAGE);
}

Test(job_args, name_is_no_kernel_where_no_name_is_taken) {
    char *words[] = { "primes", NULL };

    cr_assert_eq(job_args_read(&cmd, words, job_spec_settings, &values, &spec), EXIT_CODE_USAGE);
}

Test(job_args, first_change_is_found) {
    cr_assert_eq(READ("nightly"), JOB_ARGS_READ);
    cr_assert_null(job_args_find_changed(job_spec_settings, &values, sizeof(values)));
    cr_assert_eq(READ("nightly", "--retries", "3", "--chunk", "5"), JOB_ARGS_READ);
    cr_assert_str_eq(
        job_args_find_changed(job_spec_settings, &values, sizeof(values))->name, "chunk");
    cr_assert_eq(READ("nightly", "--retries", "2", "--stall", "30s"), JOB_ARGS_READ);
    cr_assert_null(job_args_find_changed(job_spec_settings, &values, sizeof(values)));
}
