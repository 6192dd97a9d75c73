#ifndef SHARED_RESULT_FORMAT_H
#define SHARED_RESULT_FORMAT_H

/* How a job's results are written. Workers render them, the supervisor writes what frames them. */

enum result_format {
    RESULT_TEXT,  /* one number a line, or the bytes as they are */
    RESULT_SHEET, /* likewise, digits grouped as the task sheets print them */
    RESULT_JSON,  /* one object a chunk and line */
    RESULT_CSV,   /* chunk,number */
};

#endif
