/* Keys of a service's type, of every kind of value; the types are the test's own. */
#include "tests/unit/supervisor/config_fixture.h"

TestSuite(config_types, .init = setup, .fini = teardown);

struct values {
    struct setting_numbers numbers;
    unsigned choices;
    double share;
    struct setting_texts texts;
    bool flag;
};

static const char *const names[] = { "red", "green", "blue", NULL };

#define ROW(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting table[] = {
    { ROW(numbers), .type = SETTING_NUMBERS, .operand = "N,...", .fallback = "11,13", .min = 1,
        .max = 5000000000, .help = "numbers" },
    { ROW(choices), .type = SETTING_CHOICES, .operand = "HOW,...", .choices = names,
        .fallback = "red,blue", .help = "choices" },
    { ROW(share), .type = SETTING_PERCENT, .operand = "P%", .fallback = "0%", .help = "a share" },
    { ROW(texts), .type = SETTING_TEXTS, .operand = "TEXT", .help = "texts" },
    { ROW(flag), .type = SETTING_BOOL, .fallback = "false", .help = "a flag" },
    { .name = NULL },
};

static const struct service_ops all = { .name = "all",
    .flags = SERVICE_STREAM,
    .listen = "tcp://127.0.0.1:1",
    .settings = table,
    .settings_size = sizeof(struct values) };
static const struct service_ops deaf = { .name = "deaf",
    .flags = SERVICE_STREAM,
    .settings = table,
    .settings_size = sizeof(struct values) };

const struct service_ops *const services_table[] = { &all, &deaf, NULL };

const struct service_ops *services_find(const char *name) {
    return strcmp(name, "all") == 0 ? &all : strcmp(name, "deaf") == 0 ? &deaf : NULL;
}

Test(config_types, every_kind_of_value_has_its_default) {
    struct config *config = read_good("", "type = \"all\";");
    const struct values *values = config->service[0].settings;

    cr_assert(values->numbers.count == 2 && values->numbers.value[1] == 13 &&
              values->choices == 5 && values->share == 0 && values->texts.count == 0 &&
              !values->flag);
    config_free(config);
}

Test(config_types, every_kind_of_value_is_read) {
    struct config *config = read_good("",
        "type = \"all\"; numbers = [ 2, 4000000000L ]; choices = ( \"green\", \"blue\" );\n"
        "share = 2.5; texts = [ \"a\", \"b,c\" ]; flag = True;");
    const struct values *values = config->service[0].settings;

    cr_assert(values->numbers.count == 2 && values->numbers.value[1] == 4000000000 &&
              values->choices == 6 && values->share == 2.5 && values->flag);
    cr_assert(values->texts.count == 2 && strcmp(values->texts.text[1], "b,c") == 0);
    config_free(config);
    config = read_good("", "type = \"all\"; numbers = 7; choices = \"red\"; share = \"5%\";");
    values = config->service[0].settings;
    cr_assert(values->numbers.count == 1 && values->choices == 1 && values->share == 5);
    config_free(config);
}

Test(config_types, every_kind_of_value_is_refused) {
    static const char *const rows[][2] = {
        { "numbers = [ \"2\" ];", "numbers: must be whole numbers in [ ]\n" },
        { "numbers = [ 2, 0 ];", "numbers: 0 is outside the allowed range" },
        { "numbers = \"2\";", "numbers: must be whole numbers in [ ]\n" },
        { "numbers = [ ];", "numbers: \"\" is empty" },
        { "choices = [ \"red\", \"pink\" ];", "choices: unknown \"pink\"" },
        { "choices = [ 5 ];", "choices: must be texts in [ ]\n" },
        { "share = 200;", "share: \"200\" is not a share" },
        { "share = [ 2 ];", "share: must be a percentage, as \"5%\"\n" },
        { "flag = \"true\";", "flag: must be true or false\n" },
        { "texts = [ { } ];", "texts: must be a text in quotes, or several in [ ]\n" },
        { "numbrrs = 2;", "unknown key \"numbrrs\", did you mean \"numbers\"?\n" },
    };
    char text[128], words[128];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "type = \"all\";\n%s", rows[i][0]);
        cr_assert_null(read_with("", text));
        snprintf(words, sizeof(words), "services.d/s.conf:2: %s", rows[i][1]);
        expect_said(words, rows[i][0]);
        cr_assert_eq(count_lines(said), 1, "%s", said);
    }
}

Test(config_types, keys_of_any_type_pass_while_the_type_is_wrong) {
    cr_assert_null(read_with("", "type = \"al\";\nnumbers = 5;\nzzzzzzz = 3;\n"));
    cr_assert_str_eq(said,
        "services.d/s.conf:1: type: unknown \"al\", did you mean \"all\"? allowed: all, deaf\n"
        "services.d/s.conf:3: unknown key \"zzzzzzz\"; preforkd.conf(5) lists those there are\n");
}

Test(config_types, a_type_that_knows_no_address_needs_one) {
    cr_assert_null(read_with("", "\ntype = \"deaf\";"));
    cr_assert_str_eq(said, "services.d/s.conf:2: listen: the type \"deaf\" has no address of its "
                           "own: write listen = \"PROTO://ADDRESS\"\n");
    cr_assert_null(read_with("", "type = \"deaf\";\nlisten = \"udp://[::]:1\";"));
    cr_assert_str_eq(said, "services.d/s.conf:2: listen: udp://[::]:1: the type \"deaf\" serves "
                           "connections only: write tcp:// or unix://\n");
}

Test(config_types, every_kind_of_value_is_dumped_to_be_read_again) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct config *config;
    const struct values *values;

    put("preforkd.conf", "");
    put("services.d/s.conf", "type = \"all\"; numbers = [ 2, 4000000000L ]; choices = [ \"green\", "
                             "\"blue\" ]; share = 2.5; texts = [ \"a\", \"b,c\" ]; flag = true;");
    cr_assert_eq(config_dump("preforkd.conf", out, stderr), 0);
    fclose(out);
    put("services.d/s.conf", strstr(text, "\n# file "));
    free(text);
    config = reread();
    cr_assert_not_null(config, "%s", said);
    values = config->service[0].settings;
    cr_assert(values->numbers.count == 2 && values->numbers.value[1] == 4000000000 &&
              values->choices == 6 && values->share == 2.5 && values->flag);
    cr_assert(values->texts.count == 2 && strcmp(values->texts.text[1], "b,c") == 0);
    config_free(config);
}
