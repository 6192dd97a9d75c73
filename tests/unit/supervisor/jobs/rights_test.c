/* Who may do what with jobs. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "supervisor/jobs/rights.h"

static struct jobs_config config = { .admin_uid = 990 };
static struct complaint complaint;
static const struct asker admin = { 0, true }, anna = { 1001, false };

Test(rights, root_and_the_daemons_user_are_admin) {
    cr_assert(rights_is_admin(&config, 0));
    cr_assert(rights_is_admin(&config, 990));
    cr_assert(rights_is_admin(&config, geteuid()));
    cr_assert_not(rights_is_admin(&config, 1001));
    cr_assert_not(rights_is_admin(&config, (uid_t)-1));
}

Test(rights, a_job_is_its_owners_and_the_admins) {
    const struct entry annas = { .uid = 1001 }, bertas = { .uid = 1002 };

    cr_assert(rights_can_see(&anna, &annas));
    cr_assert_not(rights_can_see(&anna, &bertas));
    cr_assert(rights_can_see(&admin, &bertas));
}

Test(rights, submit_is_for_whom_the_file_says) {
    config.submit = JOBS_ALL;
    cr_assert_eq(rights_check_submit(&config, &anna, &complaint), 0);
    config.submit = JOBS_ADMIN;
    cr_assert_eq(rights_check_submit(&config, &admin, &complaint), 0);
    cr_assert_eq(rights_check_submit(&config, &anna, &complaint), -1);
    cr_assert_str_eq(complaint.text, "to submit a job is for root and for the user that preforkd "
                                     "runs as (jobs.submit = \"admin\")");
}

Test(rights, commands_are_for_whom_the_file_says) {
    config.commands = JOBS_NOBODY;
    cr_assert_eq(rights_check_commands(&config, &admin, &complaint), -1);
    cr_assert_str_eq(
        complaint.text, "a job that runs a command is for nobody here (jobs.commands = \"none\")");
    config.commands = JOBS_ADMIN;
    cr_assert_eq(rights_check_commands(&config, &admin, &complaint), 0);
    cr_assert_eq(rights_check_commands(&config, &anna, &complaint), -1);
    config.commands = JOBS_ALL;
    cr_assert_eq(rights_check_commands(&config, &anna, &complaint), 0);
}

Test(rights, what_starts_processes_is_a_command) {
    static const struct {
        const char *kernel;
        bool is_command;
    } cases[] = { { "command", true }, { "null", false }, { "divisible", false },
        { "unheard of", true } };
    json_t *what;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        what = json_pack("{s:s}", "kernel", cases[i].kernel);
        cr_assert_eq(rights_is_command(what), cases[i].is_command, "%s", cases[i].kernel);
        json_decref(what);
    }
}
