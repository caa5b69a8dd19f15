/*
 * What people see and answer, and the transcript of it: one line each, with
 * its time, in a file that is closed by its SHA-256. Answers come from standard
 * input, be that a keyboard or a file; there is no other way to answer.
 *
 * A PIN is asked for and never shown, kept or written.
 */
#ifndef CHANCERY_CEREMONY_DIALOGUE_H
#define CHANCERY_CEREMONY_DIALOGUE_H

#include "ledger/hash.h"

#define MAX_ANSWER_LINE 256
#define MAX_PIN 256

/* Begins a transcript in this folder, named by time and act. 0 or -1, said. */
int dialogue_open(const char *folder, const char *act);
/* Where it is. */
const char *dialogue_path(void);
/* One line, or several. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "  label     value": a row of a table; the value may have several lines. */
void say_row(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* On the screen and in the transcript as something that went wrong. Returns 1. */
int say_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* 0; -1: nobody answers any more. */
int ask_line(const char *question, char out[MAX_ANSWER_LINE]);
/* 1: the answer was `yes`; 0: anything else; -1: nobody answers any more. */
int ask_yes(const char *question);
/* A line that is neither shown nor kept; the length, or -1. */
int ask_pin(const char *question, char out[MAX_PIN]);

/* Ends the transcript, durably; its hash also stands in a file beside it. 0 or -1. */
int dialogue_close(uint8_t hash[HASH_SIZE]);

#endif
