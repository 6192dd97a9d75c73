/* The peer on libevent: bufferevents, as its manual echoes. echo_libevent PORT */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>

static void read_some(struct bufferevent *bev, void *context) {
    (void)context;
    evbuffer_add_buffer(bufferevent_get_output(bev), bufferevent_get_input(bev));
}

static void end(struct bufferevent *bev, short events, void *context) {
    (void)events, (void)context;
    bufferevent_free(bev);
}

static void begin(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
    int len, void *base) {
    struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)listener, (void)address, (void)len;
    bufferevent_setcb(bev, read_some, NULL, end, NULL);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int main(int argc, char **argv) {
    struct sockaddr_in in = { .sin_family = AF_INET };
    struct event_base *base = event_base_new();

    in.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (evconnlistener_new_bind(base, begin, base, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 1024,
            (struct sockaddr *)&in, sizeof(in)) == NULL)
        return 1;
    event_base_dispatch(base);
    return 0;
}
