/*
** See lhost.h. Not part of Lua.
**
** Errors travel by longjmp, and no frame of the host lies between a setjmp and
** its longjmp: the host's functions answer -1 instead of raising, and the
** interpreter's functions that they call raise nothing while `running' is set
** (memory may exceed the limit then, and nothing is collected).
*/

#include <stddef.h>

#define lhost_c
#define LUA_CORE

#include "lua.h"

#include "lauxlib.h"
#include "lapi.h"
#include "ldebug.h"
#include "ldo.h"
#include "lgc.h"
#include "lhost.h"
#include "lobject.h"
#include "lstate.h"
#include "lstring.h"
#include "ltable.h"
#include "lualib.h"
#include "lzio.h"


static void count_hook (lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_tick(L, LUA_HOSTCOUNT);
}


LUA_API void lua_tick (lua_State *L, int n) {
  global_State *g = G(L);
  const char *message;
  g->host.ticks -= n;
  if (g->host.ticks > 0 || g->host.check == NULL || g->host.running)
    return;
  g->host.ticks = LUA_HOSTTICKS;
  g->host.running = 1;
  message = g->host.check(g->host.ud);
  g->host.running = 0;
  if (message != NULL) {
    g->host.interrupted = 1;
    g->host.message = message;
    lua_pushstring(L, message);
    lua_error(L);
  }
}


LUA_API void lua_rethrow (lua_State *L) {
  if (G(L)->host.interrupted) {
    lua_pushstring(L, G(L)->host.message);
    lua_error(L);
  }
}


LUA_API lua_State *lua_hostnew (lua_Alloc allocate, lua_HostCall call, lua_HostCheck check, void *ud) {
  lua_State *L = lua_newstate(allocate, NULL);
  if (L == NULL) return NULL;
  G(L)->host.call = call;
  G(L)->host.check = check;
  G(L)->host.ud = ud;
  lua_hostseed(L, 0);
  lua_sethook(L, count_hook, LUA_MASKCOUNT, LUA_HOSTCOUNT);
  return L;
}


LUA_API void lua_hostlimit (lua_State *L, size_t limit) {
  G(L)->host.limit = limit;
}


LUA_API size_t lua_hostbytes (lua_State *L) {
  return G(L)->totalbytes;
}


static int call_host (lua_State *L) {
  global_State *g = G(L);
  void *f = lua_touserdata(L, lua_upvalueindex(1));
  int n;
  g->host.running = 1;
  n = g->host.call(L, f, g->host.ud);
  g->host.running = 0;
  if (g->totalbytes > g->host.limit) {
    luaC_fullgc(L);
    if (g->totalbytes > g->host.limit)
      luaD_throw(L, LUA_ERRMEM);
  }
  if (g->host.interrupted || n < 0)
    return lua_error(L);
  luaC_checkGC(L);
  return n;
}


/* Makes the value on top an upvalue of the new function. */
LUA_API void lua_hostfunction (lua_State *L, void *f) {
  lua_pushlightuserdata(L, f);
  lua_insert(L, -2);
  lua_pushcclosure(L, call_host, 2);
}


LUA_API void lua_hostinterrupt (lua_State *L, const char *message) {
  G(L)->host.interrupted = 1;
  G(L)->host.message = message;
}


LUA_API int lua_hostload (lua_State *L, const char *text, size_t len, const char *name) {
  int status, running = G(L)->host.running;
  G(L)->host.running = 0;
  status = luaL_loadbuffer(L, text, len, name);
  G(L)->host.running = running;
  return status;
}


/* Calls with the kept value `handler' as the error function, if there is one; its place is gone afterwards. */
LUA_API int lua_hostpcall (lua_State *L, int nargs, int nresults, int handler) {
  global_State *g = G(L);
  int status, base = 0;
  if (handler != 0) {
    base = lua_gettop(L) - nargs;
    lua_rawgeti(L, LUA_REGISTRYINDEX, handler);
    lua_insert(L, base);
  }
  g->host.interrupted = 0;
  g->host.ticks = LUA_HOSTTICKS;
  g->host.running = 0;
  status = lua_pcall(L, nargs, nresults, base);
  g->host.running = 1;
  if (base != 0)
    lua_remove(L, base);
  return status;
}


/* What is at a place of the running function: a string's bytes or a number, and which of both; -1 for all else. */
LUA_API int lua_hostargument (lua_State *L, int idx, const char **text, size_t *len, double *number) {
  const TValue *o = L->base + (idx - 1);
  if (o >= L->top) return LUA_TNONE;
  if (ttisstring(o)) {
    *text = svalue(o);
    *len = tsvalue(o)->len;
    return LUA_TSTRING;
  }
  if (ttisnumber(o)) {
    *number = nvalue(o);
    return LUA_TNUMBER;
  }
  return LUA_TNONE;
}


/* Pushes a table of strings: `places' has the start in `text' and the length of each. */
LUA_API void lua_hostlist (lua_State *L, const char *text, const unsigned int *places, int n) {
  Table *t;
  int i;
  lua_createtable(L, n, 0);
  t = hvalue(L->top - 1);
  for (i = 0; i < n; i++, places += 2) {
    TString *s = luaS_newlstr(L, text + places[0], places[1]);
    setsvalue2n(L, &t->array[i], s);
    luaC_objbarriert(L, t, obj2gco(s));
  }
}


/* Takes the value on top for a global, read-only or not. */
LUA_API void lua_hostsetglobal (lua_State *L, const char *name, size_t len) {
  Table *t = hvalue(gt(L));
  TValue *slot = luaH_setstr(L, t, luaS_newlstr(L, name, len));
  setobj2t(L, slot, L->top - 1);
  luaC_barriert(L, t, L->top - 1);
  L->top--;
}


LUA_API void lua_hostcollect (lua_State *L) {
  luaC_fullgc(L);
  /* The room for concatenations is halved by each cycle only. */
  luaZ_resizebuffer(L, &G(L)->buff, 0);
}


/* Undoes what a script may have done to the state as a whole. */
LUA_API void lua_hostreset (lua_State *L) {
  global_State *g = G(L);
  g->gcpause = LUAI_GCPAUSE;
  g->gcstepmul = LUAI_GCMUL;
  if (g->GCthreshold == MAX_LUMEM)
    g->GCthreshold = g->totalbytes;
}


LUA_API void lua_hostreadonly (lua_State *L, int idx, int on) {
  const void *t = lua_topointer(L, idx);
  if (lua_istable(L, idx))
    ((Table *)t)->readonly = (lu_byte)on;
}


LUA_API int lua_hostwhere (lua_State *L, int level, lua_Debug *ar) {
  return lua_getstack(L, level, ar) && lua_getinfo(L, "nSl", ar);
}


/* The generator of POSIX's lrand48, whose numbers do not depend on the system. */
LUA_API void lua_hostseed (lua_State *L, int seed) {
  G(L)->host.random = ((unsigned long long)(unsigned int)seed << 16) | 0x330EULL;
}


LUA_API double lua_hostrandom (lua_State *L) {
  const unsigned long long mask = (1ULL << 48) - 1;
  global_State *g = G(L);
  g->host.random = (g->host.random * 0x5DEECE66DULL + 0xBULL) & mask;
  return (double)((g->host.random >> 17) % 2147483647ULL) / 2147483647.0;
}
