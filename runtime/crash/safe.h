/* SPDX-License-Identifier: MIT */
/*
 * What: makes the use of functions that a signal handler must not call a compile error.
 *
 * How: included last in every source file of crash/, after all system headers, which mention the names.
 * This is one of five fences around crash code; the others are its own folder, the prefix raw_, a test
 * that holds `nm -u` of the objects against an allow-list, and a context tag on every function.
 *
 * No include guard: it has no declarations, and being included twice is a sign of not being last.
 */
#pragma GCC poison malloc calloc realloc free posix_memalign aligned_alloc strdup strndup asprintf vasprintf
#pragma GCC poison printf fprintf sprintf snprintf vprintf vfprintf vsprintf vsnprintf dprintf
#pragma GCC poison puts fputs putchar fputc fwrite fopen fdopen fclose fflush perror strerror
#pragma GCC poison pthread_mutex_lock pthread_mutex_unlock pthread_once pthread_create pthread_getattr_np
#pragma GCC poison dlopen dlsym dladdr dl_iterate_phdr backtrace backtrace_symbols
#pragma GCC poison getenv setenv localtime strftime setlocale qsort bsearch atexit exit abort raise longjmp
#pragma GCC poison gori_lock gori_unlock gori_enter gori_exit gori_park gori_ready
