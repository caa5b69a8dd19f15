/*
 * Text made safe to look at. Names, subjects and messages come from others: a
 * terminal must get none of their control characters, nor those that reorder
 * or hide the text around them. They are shown as \x1b and the like.
 */
#ifndef CHANCERY_CLI_PLAIN_H
#define CHANCERY_CLI_PLAIN_H

#include "base/buf.h"

#define MAX_PLAIN 8192	   /* code points of anything that is shown: longer is not for eyes */
#define MAX_PLAIN_CELL 120 /* code points in a column: more and the row can't be read */

/*
 * Appends text with every byte of an unseen character or of malformed UTF-8
 * as \xNN, cut after at most points code points with an ellipsis. The result
 * is text_visible().
 */
void plain_put(struct buf *out, struct slice text, size_t points);

#endif
