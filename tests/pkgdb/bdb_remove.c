/* Deletes records of a Berkeley DB file by key: bdb_remove FILE HEXKEY...
 * Used by rpm_bdb.py to get files as they are after packages were removed. */
#include <db.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  DB *db = NULL;
  if (argc < 3 || db_create(&db, NULL, 0) != 0) return 2;
  if (db->open(db, NULL, argv[1], NULL, DB_UNKNOWN, 0, 0) != 0) return 2;
  for (int i = 2; i < argc; i++) {
    unsigned char bytes[64];
    size_t size = strlen(argv[i]) / 2;
    if (size > sizeof bytes) return 2;
    for (size_t at = 0; at < size; at++) {
      unsigned value = 0;
      if (sscanf(argv[i] + 2 * at, "%2x", &value) != 1) return 2;
      bytes[at] = (unsigned char)value;
    }
    DBT key;
    memset(&key, 0, sizeof key);
    key.data = bytes;
    key.size = (u_int32_t)size;
    if (db->del(db, NULL, &key, 0) != 0) return 1;
  }
  return db->close(db, 0) == 0 ? 0 : 1;
}
