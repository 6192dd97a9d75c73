#include "workers/services/chat/chat_words.h"

static const char *const words[CHAT_WORDS][2] = {
    [CHAT_WORD_JOINED] = { "joined the chat", "присоединился к чату" },
    [CHAT_WORD_JOINED_MANY] = { "joined the chat", "присоединились к чату" },
    [CHAT_WORD_LEFT] = { "left the chat", "покинул чат" },
    [CHAT_WORD_LEFT_MANY] = { "left the chat", "покинули чат" },
    [CHAT_WORD_AND_MORE] = { "and %u more", "и ещё %u" },
    [CHAT_WORD_RENAMED] = { "is now", "теперь" },
    [CHAT_WORD_YOU_ARE] = { "you are now", "теперь вы" },
    [CHAT_WORD_TO_YOU] = { "to you", "вам" },
    [CHAT_WORD_MISSED] = { "missed", "пропущено" },
    [CHAT_WORD_CROWD_JOINED] = { "joined", "присоединились" },
    [CHAT_WORD_CROWD_LEFT] = { "left", "покинули" },
    [CHAT_WORD_CROWD_HERE] = { "in the chat", "в чате" },
    [CHAT_WORD_WELCOME] = { "Welcome to the chat, %s! /help shows the commands",
        "Добро пожаловать в чат, %s! Команды: /help" },
    [CHAT_WORD_WELCOME_OTHER] = { "That name is taken. Welcome to the chat, %s! /help shows the "
                                  "commands",
        "Такое имя уже есть. Добро пожаловать в чат, %s! Команды: /help" },
    [CHAT_WORD_BACK] = { "Welcome back, %s!", "С возвращением, %s!" },
    [CHAT_WORD_ASK_NAME] = { "Your name:", "Ваше имя:" },
    [CHAT_WORD_DEFAULT_NAME] = { "Anonymous", "Аноним" },
    [CHAT_WORD_WHO] = { "in the chat", "в чате" },
    [CHAT_WORD_WHO_MORE] = { "and %u more", "и ещё %u" },
    [CHAT_WORD_HISTORY] = { "earlier messages", "прежние сообщения" },
    [CHAT_WORD_HISTORY_END] = { "so far", "до сих пор" },
    [CHAT_WORD_NO_HISTORY] = { "there are no earlier messages", "прежних сообщений нет" },
    [CHAT_WORD_QUIET_ON] = { "who joins and leaves is not shown; /quiet shows it again",
        "кто пришёл и ушёл, не показывается; /quiet покажет снова" },
    [CHAT_WORD_QUIET_OFF] = { "who joins and leaves is shown", "показывается, кто пришёл и ушёл" },
    [CHAT_WORD_NAME_TAKEN] = { "that name is taken, or looks like one that is; free is: %s",
        "такое или очень похожее имя уже есть; свободно: %s" },
    [CHAT_WORD_NO_NAME] = { "write a name: /nick NAME", "напишите имя: /nick ИМЯ" },
    [CHAT_WORD_NOBODY] = { "there is nobody called %s here; /who tells who is",
        "здесь нет никого по имени %s; кто есть, скажет /who" },
    [CHAT_WORD_UNKNOWN] = { "there is no command %s; /help shows them. To say it, write two "
                            "slashes",
        "нет команды %s; какие есть, покажет /help. Чтобы сказать это, напишите две косые черты" },
    [CHAT_WORD_USAGE_PRIVATE] = { "write: /msg NAME TEXT (a name with blanks in quotes)",
        "напишите: /msg ИМЯ ТЕКСТ (имя с пробелами в кавычках)" },
    [CHAT_WORD_TOO_LONG] = { "a message has 4096 bytes at most: only the beginning was said",
        "в сообщении не больше 4096 байт: сказано только начало" },
    [CHAT_WORD_EMPTY] = { "there is nothing in it", "в нём ничего нет" },
    [CHAT_WORD_BAD_REQUEST] = { "not understood: %s", "не понято: %s" },
    [CHAT_WORD_FULL] = { "the chat is full, come again later", "чат полон, зайдите позже" },
    [CHAT_WORD_NOT_SENT] = { "it was not said: the server has a difficulty",
        "не сказано: у сервера затруднение" },
    [CHAT_WORD_FLOOD] = { "too fast, not said", "слишком быстро, не сказано" },
    [CHAT_WORD_BYE_SLOW] = { "you read too slowly: the connection ends",
        "вы читаете слишком медленно: соединение закрывается" },
    [CHAT_WORD_BYE_REPLACED] = { "you are here over another connection: this one ends",
        "вы здесь через другое соединение: это закрывается" },
    [CHAT_WORD_BYE_STOPPING] = { "the server stops", "сервер останавливается" },
    [CHAT_WORD_BYE_BAD] = { "what you send is no text: the connection ends",
        "вы шлёте не текст: соединение закрывается" },
    [CHAT_WORD_HELP] = { "/who  who is here\n"
                         "/nick NAME  another name\n"
                         "/msg NAME TEXT  for one alone\n"
                         "/me TEXT  what you do\n"
                         "/history [N]  earlier messages\n"
                         "/quiet  show who joins and leaves, or not\n"
                         "/quit  leave",
        "/who  кто здесь\n"
        "/nick ИМЯ  другое имя\n"
        "/msg ИМЯ ТЕКСТ  только ему\n"
        "/me ТЕКСТ  что вы делаете\n"
        "/history [N]  прежние сообщения\n"
        "/quiet  показывать, кто пришёл и ушёл, или нет\n"
        "/quit  выйти" },
    [CHAT_WORD_SAY_OPEN] = { "chat server, waiting for connections",
        "Чат-сервер. Ожидание подключений..." },
    [CHAT_WORD_SAY_NEW] = { "new connection from %s", "Новое подключение от %s" },
    [CHAT_WORD_SAY_JOINED] = { "%s joined the chat", "Пользователь %s присоединился к чату" },
    [CHAT_WORD_SAY_LEFT] = { "%s left the chat", "Пользователь %s покинул чат" },
    [CHAT_WORD_SAY_RENAMED] = { "%s is now %s", "Пользователь %s теперь %s" },
};

const char *chat_word(enum chat_word word, enum service_lang lang) {
    return words[word][lang == SERVICE_LANG_RU];
}

const char *chat_word_messages(uint64_t n, enum service_lang lang) {
    if (lang != SERVICE_LANG_RU)
        return n == 1 ? "message" : "messages";
    if (n % 10 == 1 && n % 100 != 11)
        return "сообщение";
    if (n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 12 || n % 100 > 14))
        return "сообщения";
    return "сообщений";
}
