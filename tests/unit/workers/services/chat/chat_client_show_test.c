/* The server's events as people read them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "workers/services/chat/chat_client_state.h"

TestSuite(chat_client_show);

static void expect(const char *event, bool is_russian, const char *wanted) {
    json_t *object = json_loads(event, 0, NULL);
    char *line;

    setenv("TZ", "UTC-3", 1);
    tzset();
    cr_assert_not_null(object, "%s", event);
    line = chat_client_show(object, is_russian);
    if (wanted == NULL)
        cr_assert_null(line, "%s: %s", event, line);
    else
        cr_assert(line != NULL && strcmp(line, wanted) == 0, "%s: %s", event,
            line != NULL ? line : "nothing");
    free(line);
    json_decref(object);
}

#define AT "\"seq\":1,\"ts\":\"2026-11-21T11:30:15.123Z\""

Test(chat_client_show, what_is_said_has_the_time_of_here) {
    expect("{\"t\":\"msg\"," AT ",\"from\":\"Ann\",\"text\":\"hi\"}", false, "[14:30:15] Ann: hi");
    expect("{\"t\":\"me\"," AT ",\"from\":\"Ann\",\"text\":\"waves\"}", false,
        "[14:30:15] Ann: *waves*");
    expect("{\"t\":\"private\"," AT ",\"from\":\"Ann\",\"to\":\"Bob\",\"text\":\"hi\"}", true,
        "[14:30:15] Ann (вам): hi");
}

Test(chat_client_show, who_comes_and_goes_is_marked) {
    expect("{\"t\":\"joined\"," AT ",\"name\":\"Ann\"}", true, "🔵 Ann присоединился к чату");
    expect("{\"t\":\"left\"," AT ",\"name\":\"Ann\"}", false, "🔴 Ann left the chat");
    expect("{\"t\":\"nick\"," AT ",\"from\":\"Ann\",\"name\":\"Bob\"}", false, "Ann is now Bob");
    expect("{\"t\":\"crowd\",\"joined\":3,\"left\":2,\"members\":700}", false,
        "🔵 joined 3, 🔴 left 2; in the chat: 700");
    expect("{\"t\":\"who\",\"members\":3,\"names\":[\"Ann\",\"Bob\"]}", false,
        "in the chat (3): Ann, Bob and 1 more");
}

Test(chat_client_show, what_is_missed_is_told) {
    expect("{\"t\":\"gap\",\"from\":5,\"to\":6}", true, "пропущено 2 сообщения");
    expect("{\"t\":\"gap\",\"from\":5,\"to\":5}", false, "missed 1 message");
    expect("{\"t\":\"gap\",\"room\":\"00ff\"}", false,
        "the server was started anew: what was said meanwhile is not known");
}

Test(chat_client_show, server_s_own_words_are_shown) {
    expect("{\"t\":\"welcome\"," AT ",\"name\":\"100%s\",\"again\":true}", false,
        "Welcome back, 100%s!");
    expect("{\"t\":\"err\",\"code\":\"x\",\"text\":\"no\"}", false, "no");
    expect("{\"t\":\"bye\",\"code\":\"slow\"}", false, "you read too slowly: the connection ends");
}

Test(chat_client_show, what_is_not_for_people_is_not_shown) {
    expect("{\"t\":\"ok\"," AT ",\"id\":1}", false, NULL);
    expect("{\"t\":\"pong\"}", false, NULL);
    expect("{\"t\":\"of a later version\",\"text\":\"x\"}", false, NULL);
    expect("{}", false, NULL);
    expect("{\"t\":7}", false, NULL);
}

Test(chat_client_show, values_of_another_type_are_none) {
    expect("{\"t\":\"msg\",\"ts\":7,\"from\":[],\"text\":{}}", false, "[--:--:--] : ");
    expect("{\"t\":\"who\",\"members\":\"x\",\"names\":[1,null]}", false, "in the chat (0): ?, ?");
    expect("{\"t\":\"gap\",\"from\":9,\"to\":3}", false,
        "the server was started anew: what was said meanwhile is not known");
}
