/* Questions against tables of what may be asked. */
#include "shared/question.h"

#include <stdio.h>
#include <string.h>

#include "shared/suggest.h"

#define QUOTE_MAX 48 /* bytes of a foreign text in a complaint */

json_t *question_read(const char *line, size_t len, struct complaint *complaint) {
    const json_t *name, *args;
    json_error_t why;
    json_t *object = json_loadb(line, len, 0, &why);

    if (object == NULL) {
        complaint_set(complaint, "not a line of JSON: %s", why.text);
        return NULL;
    }
    name = json_object_get(object, "verb");
    args = json_object_get(object, "args");
    if (json_is_string(name) && (args == NULL || json_is_object(args)))
        return object;
    complaint_set(complaint, "a line is {\"verb\": \"NAME\", \"args\": {...}}");
    json_decref(object);
    return NULL;
}

const void *question_find(const void *table, size_t row_size, const char *name, const char *others,
    struct complaint *complaint) {
    struct suggestion best = { .word = "" };
    const struct question *row = table;
    char allowed[256] = "";
    size_t used = 0;

    for (; row->name != NULL; row = (const void *)((const char *)row + row_size)) {
        if (strcmp(row->name, name) == 0)
            return row;
        suggest_offer(&best, name, row->name);
        if (used < sizeof(allowed))
            used += (size_t)snprintf(
                allowed + used, sizeof(allowed) - used, "%s%s", used > 0 ? ", " : "", row->name);
    }
    if (best.word[0] != '\0')
        complaint_set(
            complaint, "unknown verb \"%.*s\", did you mean \"%s\"?", QUOTE_MAX, name, best.word);
    else
        complaint_set(complaint, "unknown verb \"%.*s\"; %s %s", QUOTE_MAX, name, others, allowed);
    return NULL;
}

/* A NUL within would hide the rest of it. */
static bool is_text(const json_t *value) {
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

static bool is_number(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* Returns NULL, or what it must be. */
static const char *check_value(enum question_type type, const json_t *value) {
    switch (type) {
    case QUESTION_NUMBER:
        return is_number(value) ? NULL : "a whole number, not negative";
    case QUESTION_INTEGER:
        return json_is_integer(value) ? NULL : "a whole number";
    case QUESTION_BOOL:
        return json_is_boolean(value) ? NULL : "true or false";
    case QUESTION_TEXT:
        return is_text(value) ? NULL : "a text";
    case QUESTION_OBJECT:
        return json_is_object(value) ? NULL : "an object";
    case QUESTION_SERVICE:
    case QUESTION_SUBJECT:
        return is_text(value) ? NULL : "the name of a service";
    case QUESTION_JOB:
        return is_number(value) || is_text(value)
                   ? NULL
                   : "the number of a job, or the name of a defined one";
    }
    return "of a type";
}

static int refuse_arg(const struct question *question, const char *name, struct complaint *out) {
    struct suggestion best = { .word = "" };

    for (const struct question_arg *arg = question->args; arg->name != NULL; arg++)
        suggest_offer(&best, name, arg->name);
    if (best.word[0] != '\0')
        return complaint_set(out, "%s: unknown argument \"%.*s\", did you mean \"%s\"?",
            question->name, QUOTE_MAX, name, best.word);
    return complaint_set(out, "%s: unknown argument \"%.*s\"", question->name, QUOTE_MAX, name);
}

int question_check(const struct question *question, json_t *args, struct complaint *complaint) {
    const struct question_arg *arg;
    const char *key, *wanted;
    json_t *value;

    json_object_foreach(args, key, value) {
        for (arg = question->args; arg->name != NULL && strcmp(arg->name, key) != 0; arg++)
            ;
        if (arg->name == NULL)
            return refuse_arg(question, key, complaint);
        wanted = check_value(arg->type, value);
        if (wanted != NULL)
            return complaint_set(complaint, "%s: %s must be %s", question->name, arg->name, wanted);
    }
    for (arg = question->args; arg->name != NULL; arg++)
        if (arg->is_needed && json_object_get(args, arg->name) == NULL)
            return complaint_set(complaint, "%s: %s is missing", question->name, arg->name);
    return 0;
}
