/*
** The program around the interpreter: how its functions are called, what the
** interpreter may use up, and how it is stopped. See PATCHES.md. Not part of Lua.
*/

#ifndef lhost_h
#define lhost_h

#include <stddef.h>

#include "lua.h"

/* Runs function `f' of the host: the number of results on the stack, or -1 with an error on top. Raises nothing. */
typedef int (*lua_HostCall) (lua_State *L, void *f, void *ud);

/* Asked now and then while a script runs; a message stops it. */
typedef const char *(*lua_HostCheck) (void *ud);

struct lua_Host {
  size_t limit;  /* bytes that scripts may use */
  int running;  /* the host runs: it may exceed the limit for a moment, and nothing is collected */
  int interrupted;  /* the script is to end: no pcall holds the error */
  const char *message;  /* why */
  int ticks;  /* work until the next check */
  lua_HostCall call;
  lua_HostCheck check;
  void *ud;
  unsigned long long random;  /* state of math.random */
};

#define LUA_HOSTTICKS	20000
#define LUA_HOSTCOUNT	2000

/* Called by native loops: counts their work, and asks the host now and then. May raise. */
LUA_API void lua_tick (lua_State *L, int n);

/* Raises the error on top again, if the script is to end. */
LUA_API void lua_rethrow (lua_State *L);

LUA_API lua_State *lua_hostnew (lua_Alloc allocate, lua_HostCall call, lua_HostCheck check, void *ud);
LUA_API void lua_hostlimit (lua_State *L, size_t limit);
LUA_API size_t lua_hostbytes (lua_State *L);
LUA_API void lua_hostfunction (lua_State *L, void *f);
LUA_API void lua_hostinterrupt (lua_State *L, const char *message);
LUA_API int lua_hostload (lua_State *L, const char *text, size_t len, const char *name);
LUA_API int lua_hostpcall (lua_State *L, int nargs, int nresults, int handler);
LUA_API int lua_hostargument (lua_State *L, int idx, const char **text, size_t *len, double *number);
LUA_API void lua_hostlist (lua_State *L, const char *text, const unsigned int *places, int n);
LUA_API void lua_hostsetglobal (lua_State *L, const char *name, size_t len);
LUA_API void lua_hostcollect (lua_State *L);
LUA_API void lua_hostreset (lua_State *L);
LUA_API void lua_hostreadonly (lua_State *L, int idx, int on);
LUA_API int lua_hostwhere (lua_State *L, int level, lua_Debug *ar);
LUA_API void lua_hostseed (lua_State *L, int seed);
LUA_API double lua_hostrandom (lua_State *L);

#endif
