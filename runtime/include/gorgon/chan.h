/* SPDX-License-Identifier: MIT */
#ifndef GORGON_CHAN_H
#define GORGON_CHAN_H
/*
 * What: channels and select, typed at compile time.  The semantics are those of the Go specification
 * ("Channel types", "Send statements", "Receive operator", "Select statements", "Close").
 *
 * How: chan(T) is a pointer to a pointer to a function returning T.  No such function exists: the type is
 * there so that two channels of different T are different types without any declaration, so that channels
 * nest, and so that a macro can get T back (the type of calling it).  The pointer really leads to the
 * runtime's struct gor_chan.  T is any complete object type but an array.
 *
 * Blocking: chan_send, chan_recv and chan_select block the calling goroutine only.  Operations on one
 * channel happen one after another; what a goroutine wrote before a send is seen by whoever receives it
 * (Go memory model, "Channel communication").
 *
 * Errors: misuse panics with Go's words: "send on closed channel", "close of closed channel",
 * "close of nil channel".  chan_make panics with "makechan: size out of range" and on lack of memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gorgon/base.h>
#include <gorgon/site.h>

GOR_BEGIN_DECLS

struct gor_chan;

/* An element that carries no information: the type of done channels. */
typedef struct {
	char unused;
} gor_unit;

/* One case of a select, built by recv_case, send_case, timeout_case and default_case only. */
struct gor_case {
	void *chan;
	void *elem;      /* receive: where to, or NULL; send: from where */
	bool *ok;        /* receive: false when the channel is closed; may be NULL */
	int64_t timeout; /* nanoseconds */
	uint32_t kind;   /* GORI_CASE_* */
};
enum { GORI_CASE_RECV = 1, GORI_CASE_SEND, GORI_CASE_TIMEOUT, GORI_CASE_DEFAULT };

/* The functions under the macros; `elem` points to one element of the channel. */
GOR_API struct gor_chan *gor_chan_make(size_t elem_size, size_t cap, const struct gor_site *site);
GOR_API void gor_chan_send(void *chan, const void *elem);
GOR_API bool gor_chan_recv(void *chan, void *ret_elem);
GOR_API bool gor_chan_try_send(void *chan, const void *elem);
GOR_API bool gor_chan_try_recv(void *chan, void *ret_elem, bool *ret_ok);
GOR_API int gor_chan_select(struct gor_case *cases, int ncases);

/* Closes the channel: receivers get what is buffered, then zero values.  Panics if it is closed or NULL. */
GOR_API void chan_close(void *chan);
/* Gives the memory back (optional).  Panics if goroutines wait on it; NULL is ignored. */
GOR_API void chan_free(void *chan);
/* Items in the buffer, and the size of the buffer; 0 for NULL. */
GOR_API size_t chan_len(const void *chan);
GOR_API size_t chan_cap(const void *chan);

GOR_END_DECLS

#define GORI_CHAN_TYPE(T) __typeof__(__typeof__(T)(**)(struct gor_chan *))
#define GORI_CHAN_ELEM(c) __typeof__((*(c))((struct gor_chan *)0))

#define GORI_CHAN_MAKE(T, cap)                                                                               \
	(__extension__({                                                                                     \
		static const struct gor_site gori_site_ = GORI_SITE(#T, 0);                                  \
		(GORI_CHAN_TYPE(T))(void *)gor_chan_make(sizeof(__typeof__(T)), (cap), &gori_site_);         \
	}))

/* The value is variadic so that {1, 2} works for a struct. */
#define GORI_CHAN_SEND(c, ...)                                                                               \
	(__extension__({                                                                                     \
		__typeof__(c) gori_c_ = (c);                                                                 \
		GORI_CHAN_ELEM(c) gori_v_ = __VA_ARGS__;                                                     \
		gor_chan_send((void *)gori_c_, &gori_v_);                                                    \
	}))

#define GORI_CHAN_TRY_SEND(c, ...)                                                                           \
	(__extension__({                                                                                     \
		__typeof__(c) gori_c_ = (c);                                                                 \
		GORI_CHAN_ELEM(c) gori_v_ = __VA_ARGS__;                                                     \
		gor_chan_try_send((void *)gori_c_, &gori_v_);                                                \
	}))

#define GORI_CHAN_RECV(c, ret)                                                                               \
	(__extension__({                                                                                     \
		__typeof__(c) gori_c_ = (c);                                                                 \
		GORI_CHAN_ELEM(c) *gori_r_ = (ret);                                                          \
		gor_chan_recv((void *)gori_c_, (void *)gori_r_);                                             \
	}))

/* True if the operation could go on at once: an element was received, or the channel is closed; the
 * optional third argument tells which. */
#define GORI_CHAN_TRY_RECV_(c, ret, ok, ...)                                                                 \
	(__extension__({                                                                                     \
		__typeof__(c) gori_c_ = (c);                                                                 \
		GORI_CHAN_ELEM(c) *gori_r_ = (ret);                                                          \
		gor_chan_try_recv((void *)gori_c_, (void *)gori_r_, (ok));                                   \
	}))
#define GORI_CHAN_TRY_RECV(c, ...) GORI_CHAN_TRY_RECV_(c, __VA_ARGS__, NULL, )

#ifdef __cplusplus
/* A value that lives until the end of the full expression, and so until the select is over. */
template <class T> struct gori_identity {
	typedef T type;
};
template <class T> static inline void *gori_keep(const typename gori_identity<T>::type &v)
{
	return const_cast<T *>(&v);
}
#define GORI_SEND_ELEM(c, ...) gori_keep<GORI_CHAN_ELEM(c)>(__VA_ARGS__)
#define GORI_RECV_ELEM(c, ret) ((void *)(1 ? (ret) : (GORI_CHAN_ELEM(c) *)0))
#else
/* An array, so that both a scalar and a whole struct can initialise its only element. */
#define GORI_SEND_ELEM(c, ...) ((void *)(GORI_CHAN_ELEM(c)[1]){__VA_ARGS__})
#define GORI_RECV_ELEM(c, ret) ((void *)(1 ? (ret) : (GORI_CHAN_ELEM(c) *)0))
#endif

#define GORI_RECV_CASE_(c, ret, ok, ...)                                                                     \
	(__extension__(struct gor_case){(void *)(c), GORI_RECV_ELEM(c, ret), (ok), 0, GORI_CASE_RECV})
#define GORI_RECV_CASE(c, ...) GORI_RECV_CASE_(c, __VA_ARGS__, NULL, )
#define GORI_SEND_CASE(c, ...)                                                                               \
	(__extension__(struct gor_case){(void *)(c), GORI_SEND_ELEM(c, __VA_ARGS__), NULL, 0, GORI_CASE_SEND})
#define GORI_TIMEOUT_CASE(ns) (__extension__(struct gor_case){NULL, NULL, NULL, (ns), GORI_CASE_TIMEOUT})
#define GORI_DEFAULT_CASE() (__extension__(struct gor_case){NULL, NULL, NULL, 0, GORI_CASE_DEFAULT})

#ifdef __cplusplus
template <class... C> static inline int gori_select(C... cases)
{
	gor_case all[sizeof...(cases) + 1] = {cases...};
	return gor_chan_select(all, (int)sizeof...(cases));
}
#define GORI_CHAN_SELECT(...) gori_select(__VA_ARGS__)
#else
/* One element more than there are cases, so that a select without cases is an array too. */
#define GORI_CHAN_SELECT(...)                                                                                \
	gor_chan_select((struct gor_case[]){{0}, ##__VA_ARGS__} + 1,                                         \
			(int)(sizeof((struct gor_case[]){{0}, ##__VA_ARGS__}) / sizeof(struct gor_case)) - 1)
#endif

#ifndef GOR_NO_KEYWORDS
#define chan(T) GORI_CHAN_TYPE(T)
#define chan_make(T, cap) GORI_CHAN_MAKE(T, cap)
#define chan_send(c, ...) GORI_CHAN_SEND(c, __VA_ARGS__)
#define chan_recv(c, ret) GORI_CHAN_RECV(c, ret)
#define chan_try_send(c, ...) GORI_CHAN_TRY_SEND(c, __VA_ARGS__)
#define chan_try_recv(c, ...) GORI_CHAN_TRY_RECV(c, __VA_ARGS__)
#define chan_select(...) GORI_CHAN_SELECT(__VA_ARGS__)
#define recv_case(c, ...) GORI_RECV_CASE(c, __VA_ARGS__)
#define send_case(c, ...) GORI_SEND_CASE(c, __VA_ARGS__)
#define timeout_case(ns) GORI_TIMEOUT_CASE(ns)
#define default_case() GORI_DEFAULT_CASE()
#endif

#endif
