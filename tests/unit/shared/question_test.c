/* What may be asked, and how it is told what may not. */
#include "shared/question.h"

#include <criterion/criterion.h>
#include <string.h>

struct row {
    struct question question;
    int number;
};

static const struct row table[] = {
    { .question = { .name = "scale",
          .args = { { .name = "service", .type = QUESTION_SERVICE, .is_needed = true },
              { .name = "n", .type = QUESTION_NUMBER }, { .name = "by", .type = QUESTION_INTEGER },
              { .name = "wait", .type = QUESTION_BOOL } } },
        .number = 1 },
    { .question = { .name = "submit",
          .args = { { .name = "what", .type = QUESTION_OBJECT },
              { .name = "job", .type = QUESTION_JOB },
              { .name = "text", .type = QUESTION_TEXT } } },
        .number = 2 },
    { .question = { .name = NULL } },
};

static struct complaint complaint;

static const char *refused(const char *line) {
    json_t *object = question_read(line, strlen(line), &complaint);
    const struct row *row;
    int rc = -1;

    if (object != NULL) {
        row = question_find(table, sizeof(table[0]),
            json_string_value(json_object_get(object, "verb")), "there are:", &complaint);
        if (row != NULL)
            rc = question_check(&row->question, json_object_get(object, "args"), &complaint);
        json_decref(object);
    }
    return rc == 0 ? NULL : complaint.text;
}

#define TAKEN(line)         cr_expect_null(refused(line), "%s", complaint.text)
#define REFUSED(line, what) cr_expect_str_eq(refused(line), what)

Test(question, what_fits_the_table_is_taken) {
    TAKEN("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":0,\"wait\":true}}");
    TAKEN("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"by\":-1}}");
    TAKEN("{\"verb\":\"submit\"}");
    TAKEN("{\"verb\":\"submit\",\"args\":{\"what\":{},\"job\":7,\"text\":\"\"}}");
    TAKEN("{\"verb\":\"submit\",\"args\":{\"job\":\"sheet\"}}");
}

Test(question, rows_are_found_by_their_names) {
    const struct row *row = question_find(table, sizeof(table[0]), "submit", "", &complaint);

    cr_assert_not_null(row);
    cr_expect_eq(row->number, 2);
}

Test(question, line_is_an_object_with_a_verb) {
    const char *form = "a line is {\"verb\": \"NAME\", \"args\": {...}}";

    cr_expect_eq(strncmp(refused("{"), "not a line of JSON: ", 20), 0);
    REFUSED("[]", form);
    REFUSED("{}", form);
    REFUSED("{\"verb\":7}", form);
    REFUSED("{\"verb\":\"scale\",\"args\":[]}", form);
}

Test(question, verb_that_is_not_there_is_told_with_the_nearest) {
    REFUSED("{\"verb\":\"scael\"}", "unknown verb \"scael\", did you mean \"scale\"?");
    REFUSED("{\"verb\":\"dance\"}", "unknown verb \"dance\"; there are: scale, submit");
}

Test(question, arguments_are_those_of_the_list) {
    REFUSED("{\"verb\":\"scale\"}", "scale: service is missing");
    REFUSED("{\"verb\":\"scale\",\"args\":{\"servize\":\"echo\"}}",
        "scale: unknown argument \"servize\", did you mean \"service\"?");
    REFUSED("{\"verb\":\"scale\",\"args\":{\"colour\":1}}", "scale: unknown argument \"colour\"");
}

Test(question, each_type_is_told) {
    REFUSED("{\"verb\":\"scale\",\"args\":{\"service\":7}}",
        "scale: service must be the name of a service");
    REFUSED("{\"verb\":\"scale\",\"args\":{\"n\":-1}}",
        "scale: n must be a whole number, not negative");
    REFUSED("{\"verb\":\"scale\",\"args\":{\"by\":1.5}}", "scale: by must be a whole number");
    REFUSED("{\"verb\":\"scale\",\"args\":{\"wait\":1}}", "scale: wait must be true or false");
    REFUSED("{\"verb\":\"submit\",\"args\":{\"what\":[]}}", "submit: what must be an object");
    REFUSED("{\"verb\":\"submit\",\"args\":{\"text\":null}}", "submit: text must be a text");
    REFUSED("{\"verb\":\"submit\",\"args\":{\"job\":-7}}",
        "submit: job must be the number of a job, or the name of a defined one");
}
