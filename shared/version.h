#ifndef SHARED_VERSION_H
#define SHARED_VERSION_H

/* The version of the programs; the Makefile sets it. */
#ifndef PREFORK_VERSION
#define PREFORK_VERSION "0"
#endif

#endif
