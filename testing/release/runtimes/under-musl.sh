#!/usr/bin/env bash
# Runs the tests of the runtimes with Bun for musl on Debian x64. Needs: apt-get install musl-tools
#
# Bun for musl needs a libstdc++, which Debian has for glibc alone. That one needs ten things more of the system than musl has: they
# are made here, in a library that takes the place of glibc's loader.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

version=$(node -p 'require("bun/package.json").version')
npm install --prefix "$place" --no-save --force --ignore-scripts --silent "@oven/bun-linux-x64-musl@$version"
mv "$place/node_modules/@oven/bun-linux-x64-musl/bin/bun" "$place/bun"
# A copy, because programs look for the name of musl's loader among the files that a process has mapped.
cp -L /lib/ld-musl-x86_64.so.1 /usr/lib/x86_64-linux-gnu/{libstdc++.so.6,libgcc_s.so.1} "$place"
musl-gcc -shared -fPIC -O1 -o "$place/ld-linux-x86-64.so.2" -x c - <<'END'
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
char __libc_single_threaded;
unsigned __cpu_model[4];
int __cpu_indicator_init(void) { return 0; }
/* No: then libgcc looks for the tables of exceptions by dl_iterate_phdr. */
int _dl_find_object(void *address, void *result) { return -1; }
int __cxa_thread_atexit_impl(void (*end)(void *), void *object, void *library) { return 0; }
unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }
size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}
uint32_t arc4random(void) {
  uint32_t drawn;
  if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn) abort();
  return drawn;
}
int strfromf128(char *text, size_t size, const char *format, __float128 value) { abort(); }
__float128 strtof128(const char *text, char **end) { abort(); }
END

TEST_MUSL=$place node ../../scripts/suite.ts --long runtimes
