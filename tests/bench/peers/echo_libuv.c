/* The peer on libuv: a buffer per read, written back and freed. echo_libuv PORT */
#include <stdlib.h>
#include <uv.h>

static void closed(uv_handle_t *handle) {
    free(handle);
}

static void allocate(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
    (void)handle;
    *buf = uv_buf_init(malloc(size), (unsigned)size);
}

static void written(uv_write_t *request, int status) {
    (void)status;
    free(request->data);
    free(request);
}

static void take(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    uv_buf_t answer = uv_buf_init(buf->base, got > 0 ? (unsigned)got : 0);
    uv_write_t *request;

    if (got <= 0) {
        free(buf->base);
        if (got < 0)
            uv_close((uv_handle_t *)stream, closed);
        return;
    }
    request = malloc(sizeof(*request));
    request->data = buf->base;
    uv_write(request, stream, &answer, 1, written);
}

static void begin(uv_stream_t *listener, int status) {
    uv_tcp_t *client = malloc(sizeof(*client));

    (void)status;
    uv_tcp_init(listener->loop, client);
    if (uv_accept(listener, (uv_stream_t *)client) == 0)
        uv_read_start((uv_stream_t *)client, allocate, take);
    else
        uv_close((uv_handle_t *)client, closed);
}

int main(int argc, char **argv) {
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in in;
    uv_tcp_t listener;

    uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 0, &in);
    uv_tcp_init(loop, &listener);
    if (uv_tcp_bind(&listener, (struct sockaddr *)&in, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 1024, begin) != 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
