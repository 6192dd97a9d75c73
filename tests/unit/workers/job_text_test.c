/* A job written and read again; and what is no job. */
#include "workers/job_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void init_plan(struct kernel_plan *plan, const char *kernel, const char *interval) {
    struct complaint complaint;

    *plan = (struct kernel_plan){ .ops = kernels_find(kernel) };
    cr_assert(plan->ops != NULL);
    plan->params = calloc(1, plan->ops->params_size + 1);
    settings_set_defaults(plan->ops->params, plan->params);
    cr_assert_eq(interval_parse(interval, strlen(interval), &plan->interval, &complaint), 0);
}

static char *written(
    struct kernel_plan *plan, uint64_t size, enum result_format format, struct split *out_split) {
    struct complaint complaint;

    plan->chunk_size = size;
    cr_assert_eq(plan->ops->plan(plan, &complaint), 0, "%s", complaint.text);
    cr_assert_eq(split_init(out_split, &plan->interval, plan->chunk_size, &complaint), 0);
    return job_text_write(plan, out_split, format);
}

static void free_plan(struct kernel_plan *plan) {
    if (plan->ops->unplan != NULL)
        plan->ops->unplan(plan);
    free(plan->params);
}

Test(job_text, each_kernel_is_read_as_it_was_written) {
    char *argv[] = { "printf", "a=b\nc", "", "{lo} \n\n=", NULL };

    for (size_t i = 0; kernels_table[i] != NULL; i++) {
        for (unsigned format = RESULT_TEXT; format <= RESULT_JSON; format++) {
            struct kernel_plan plan;
            struct complaint complaint;
            struct job_text read;
            struct split split;
            char *text, *again;

            init_plan(&plan, kernels_table[i]->name, "10..3345212");
            if (plan.ops->flags & KERNEL_ARGV)
                plan.argv = argv;
            plan.count_only = format == RESULT_JSON && !(plan.ops->flags & KERNEL_BYTES);
            text = written(&plan, 100000, (enum result_format)format, &split);
            cr_assert_eq(job_text_read(text, strlen(text), &read, &complaint), 0, "%s: %s\n%s",
                plan.ops->name, complaint.text, text);
            again = job_text_write(&read.plan, &read.split, read.format);
            cr_assert_str_eq(text, again);
            cr_assert_eq(read.split.chunks, split.chunks);
            cr_assert_eq(read.plan.count_only, plan.count_only);
            for (unsigned k = 0; plan.argv != NULL && k < 5; k++)
                cr_assert(
                    k == 4 ? read.plan.argv[k] == NULL : strcmp(read.plan.argv[k], argv[k]) == 0);
            free(again);
            job_text_fini(&read);
            free(text);
            free_plan(&plan);
        }
    }
}

Test(job_text, what_is_cut_off_is_refused) {
    char *argv[] = { "printf", "a=b\nc", NULL };
    struct kernel_plan plan;
    struct complaint complaint;
    struct job_text read;
    struct split split;
    char *text;

    init_plan(&plan, "command", "1..10");
    plan.argv = argv;
    text = written(&plan, 2, RESULT_TEXT, &split);
    for (size_t len = 0; len < strlen(text); len++) {
        cr_assert_lt(job_text_read(text, len, &read, &complaint), 0, "%zu bytes", len);
        cr_assert(complaint.text[0] != '\0');
        job_text_fini(&read);
    }
    free(text);
    free_plan(&plan);
}

Test(job_text, what_is_no_job_is_refused) {
    static const char *const texts[] = { "", "\n", "kernel=\n", "kernel=nonesuch\n",
        "version=1\nkernel=divisible\n", "kernel=divisible\nkernel=divisible\n",
        "kernel=divisible\nversion=0.0\n", "kernel=divisible\nby=x\n",
        "kernel=divisible\nnonesuch=1\n", "kernel=divisible\ninterval=1..10\nformat=text\n",
        "kernel=divisible\ninterval=1..10\nchunk=0\nformat=text\n",
        "kernel=divisible\ninterval=1..10\nchunk=5\nformat=xml\n",
        "kernel=command\ninterval=1..10\nchunk=5\nargument0=99:x\n",
        "kernel=command\ninterval=1..10\nchunk=5\nargument0=1:xyz\n",
        "kernel=command\ninterval=1..10\nchunk=5\nargument0=x\n",
        "kernel=command\ninterval=1..10\nchunk=5\nargument0=18446744073709551615:x\n", NULL };
    struct complaint complaint;
    struct job_text read;

    for (size_t i = 0; texts[i] != NULL; i++) {
        cr_assert_lt(
            job_text_read(texts[i], strlen(texts[i]), &read, &complaint), 0, "%s", texts[i]);
        job_text_fini(&read);
    }
}
