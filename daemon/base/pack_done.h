/* Not guarded: takes back the words of field tables. */
#undef U8
#undef U16
#undef U32
#undef U64
#undef TIME
#undef FIXED
#undef BYTES
#undef BLOB
#undef TEXT
#undef LIST
