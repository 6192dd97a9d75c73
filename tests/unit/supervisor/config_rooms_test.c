/* Rooms, and what a type wants otherwise than others. */
#include "tests/unit/supervisor/config_fixture.h"

#include "supervisor/commons.h"

TestSuite(config_rooms, .init = setup, .fini = teardown);

static void put_relay(const char *name, const char *more) {
    char path[64], text[256];

    snprintf(path, sizeof(path), "services.d/%s.conf", name);
    snprintf(
        text, sizeof(text), "type = \"relay\";\nlisten = [ \"unix://%s.sock\" ];\n%s", name, more);
    put(path, text);
}

Test(config_rooms, is_called_as_its_service_unless_it_is_named) {
    struct config *config;

    put_relay("a", "");
    put_relay("b", "room = \"one\";");
    put_relay("c", "room = \"one\";");
    config = read_good("", NULL);
    cr_assert_str_eq(commons_room_name(&config->service[0]), "a");
    cr_assert_str_eq(commons_room_name(&config->service[1]), "one");
    cr_assert(commons_can_share(&config->service[1], &config->service[2]));
    config_free(config);
}

Test(config_rooms, is_the_same_for_all_who_share_it) {
    put_relay("a", "room = \"one\"; history = 100;");
    put_relay("b", "room = \"one\"; history = 200;");
    cr_assert_null(read_with("", NULL));
    expect_said(
        "services.d/b.conf:3: room: \"one\" is also that of the service \"a\", whose type or "
        "sizes differ",
        "sizes");
    put_relay("b", "history = 200;");
    put_relay("one", "history = 200;");
    cr_assert_null(read_with("", NULL));
    expect_said(
        "services.d/one.conf: room: \"one\" is also that of the service \"a\"", "by default");
    put_relay("one", "history = 100;");
    config_free(read_good("", NULL));
}

Test(config_rooms, has_a_name) {
    static const char *const names[] = { "a b", "a/b", "12345678901234567890123456789012" };
    char text[128];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(text, sizeof(text), "room = \"%s\";", names[i]);
        put_relay("a", text);
        cr_assert_null(read_with("", NULL), "%s", names[i]);
        expect_said("is no name: 1 to 31 letters, digits", names[i]);
    }
}

Test(config_rooms, keys_of_texts_change_nothing_for_bytes) {
    static const char *const keys[] = { "wire = \"line\"", "first_message_timeout = \"5s\"",
        "message_timeout = \"5s\"", "room = \"one\"" };
    char text[128];

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        snprintf(text, sizeof(text), "type = \"echo\";\n%s;", keys[i]);
        put("services.d/e.conf", text);
        config_free(read_with("", NULL));
        expect_said("services.d/e.conf:2: warning: ", keys[i]);
        expect_said(" changes nothing: the type ", keys[i]);
    }
}

/* What the daemon's file says of all services goes before what a type wants. */
Test(config_rooms, type_has_defaults_of_its_own) {
    struct config *config;

    put_relay("a", "");
    put("services.d/e.conf", "type = \"echo\";");
    config = read_good("", NULL);
    cr_assert_eq(config->service[0].idle_timeout_ms, 0);
    cr_assert_eq(config->service[1].idle_timeout_ms, 300000);
    config_free(config);
    config = read_good("defaults : { idle_timeout = \"7s\"; };", NULL);
    cr_assert_eq(config->service[0].idle_timeout_ms, 7000);
    cr_assert_eq(config->service[1].idle_timeout_ms, 7000);
    config_free(config);
}
