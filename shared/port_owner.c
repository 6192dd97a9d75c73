/*
 * /proc/net/tcp and its like give the socket's inode and owner by port; the process that holds
 * socket:[inode] among its descriptors is looked for in /proc/PID/fd.
 */
#include "shared/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTEN 10

struct holder {
    unsigned long inode;
    unsigned uid;
};

static bool find_in(const char *table, uint16_t wanted, bool is_tcp, struct holder *out) {
    FILE *file = fopen(table, "re");
    char line[512];
    unsigned port, state, uid;
    unsigned long inode;
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %u %*u %lu",
                &port, &state, &uid, &inode) != 4)
            continue;
        found = port == wanted && (!is_tcp || state == TCP_LISTEN);
        if (found)
            *out = (struct holder){ .inode = inode, .uid = uid };
    }
    if (file != NULL)
        fclose(file);
    return found;
}

static bool has_socket(const char *pid, const char *wanted) {
    char path[300], target[64];
    DIR *folder;
    struct dirent *entry;
    ssize_t n;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    folder = opendir(path);
    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        n = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

static void read_name(const char *pid, char *dst, size_t size) {
    char path[64];
    FILE *file;

    dst[0] = '\0';
    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(dst, (int)size, file) != NULL)
        dst[strcspn(dst, "\n")] = '\0';
    fclose(file);
}

static bool find_process(unsigned long inode, char *dst, size_t size) {
    char wanted[64], name[32];
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    bool found = false;

    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !has_socket(entry->d_name, wanted))
            continue;
        found = true;
        read_name(entry->d_name, name, sizeof(name));
        snprintf(dst, size, "pid %.20s, %s", entry->d_name, name);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

void port_owner_find(
    const struct net_address *address, enum net_proto proto, char *dst, size_t size) {
    static const char *const tables[2][2] = { { "/proc/net/tcp", "/proc/net/tcp6" },
        { "/proc/net/udp", "/proc/net/udp6" } };
    const bool is_tcp = proto == NET_TCP;
    const uint16_t port = net_port(address);
    struct holder holder;

    dst[0] = '\0';
    if (!find_in(tables[is_tcp ? 0 : 1][0], port, is_tcp, &holder) &&
        !find_in(tables[is_tcp ? 0 : 1][1], port, is_tcp, &holder))
        return;
    if (!find_process(holder.inode, dst, size))
        snprintf(dst, size, "a process of uid %u", holder.uid);
}
