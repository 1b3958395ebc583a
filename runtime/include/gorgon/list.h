/* SPDX-License-Identifier: MIT */
#ifndef GORGON_LIST_H
#define GORGON_LIST_H
/*
 * What: a doubly linked list, as Go's container/list.  An all-zero gor_list is an empty list.
 *
 * Two ways to use it.  Put a gor_list_node into your own struct and get back from it with
 * gor_list_entry; nothing is allocated:
 *
 *	struct job { int id; gor_list_node link; };
 *	gor_list_push_back(&jobs, &j->link);
 *	gor_list_each(node, &jobs) run(gor_list_entry(node, struct job, link));
 *
 * Or let the list hold values, as Go's does:
 *
 *	gor_list_elem *e = gor_list_push_back_value(&values, gor_any_of(5));
 *	gor_any v = gor_list_remove_value(&values, e);
 *
 * The two must not be mixed in one list, unless the caller can tell the nodes apart.
 *
 * Memory: nodes are the caller's; elements are the list's, from push to remove.  A list that has
 * been used must not be copied or moved: its nodes point to it.
 *
 * Errors: adding a node that is in a list panics.  As in Go, an operation on a node that is not in
 * the list given does nothing (and says so by false or NULL).
 *
 * Blocking: nothing here blocks.  A list shared between goroutines needs a lock of the user's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gorgon/any.h>
#include <gorgon/base.h>

GOR_BEGIN_DECLS

typedef struct gor_list gor_list;
typedef struct gor_list_node gor_list_node;

/* All zero while in no list. */
struct gor_list_node {
	gor_list_node *next, *prev; /* private: ends are at the list's root, not NULL */
	gor_list *list;             /* the list it is in, or NULL */
};

struct gor_list {
	gor_list_node root; /* private */
	size_t len;
};

/* A node with a value. */
typedef struct gor_list_elem {
	gor_list_node node;
	gor_any value;
} gor_list_elem;

/* Makes *l empty, forgetting its nodes; only for memory that is not zero. */
GOR_API void gor_list_init(gor_list *l);
GOR_API size_t gor_list_len(const gor_list *l);

/* The ends, and the neighbours; NULL where there is none. */
GOR_API gor_list_node *gor_list_front(const gor_list *l);
GOR_API gor_list_node *gor_list_back(const gor_list *l);
GOR_API gor_list_node *gor_list_next(const gor_list_node *n);
GOR_API gor_list_node *gor_list_prev(const gor_list_node *n);

GOR_API void gor_list_push_front(gor_list *l, gor_list_node *n);
GOR_API void gor_list_push_back(gor_list *l, gor_list_node *n);

/* Adds n next to mark; false when mark is not in l. */
GOR_API bool gor_list_insert_before(gor_list *l, gor_list_node *n, gor_list_node *mark);
GOR_API bool gor_list_insert_after(gor_list *l, gor_list_node *n, gor_list_node *mark);

/* Takes n out; false when it is not in l. */
GOR_API bool gor_list_remove(gor_list *l, gor_list_node *n);

/* Takes the first or last node out and returns it; NULL when l is empty. */
GOR_API gor_list_node *gor_list_pop_front(gor_list *l);
GOR_API gor_list_node *gor_list_pop_back(gor_list *l);

/* Moves n, which is in l; false when n or mark is not. */
GOR_API bool gor_list_move_to_front(gor_list *l, gor_list_node *n);
GOR_API bool gor_list_move_to_back(gor_list *l, gor_list_node *n);
GOR_API bool gor_list_move_before(gor_list *l, gor_list_node *n, gor_list_node *mark);
GOR_API bool gor_list_move_after(gor_list *l, gor_list_node *n, gor_list_node *mark);

/* Moves all nodes of other to an end of l, in order; time grows with their number. */
GOR_API void gor_list_splice_front(gor_list *l, gor_list *other);
GOR_API void gor_list_splice_back(gor_list *l, gor_list *other);

/* Lists of values. */
GOR_API gor_list_elem *gor_list_push_front_value(gor_list *l, gor_any value);
GOR_API gor_list_elem *gor_list_push_back_value(gor_list *l, gor_any value);
GOR_API gor_list_elem *gor_list_insert_before_value(gor_list *l, gor_any value,
						    gor_list_elem *mark);
GOR_API gor_list_elem *gor_list_insert_after_value(gor_list *l, gor_any value, gor_list_elem *mark);

/* Takes e out, frees it, and returns its value, now the caller's; nil when e is not in l. */
GOR_API gor_any gor_list_remove_value(gor_list *l, gor_list_elem *e);

/* Frees all elements of a list of values, and their values. */
GOR_API void gor_list_free_values(gor_list *l);

GOR_END_DECLS

/* The struct of type T whose member is the node. */
#define gor_list_entry(node, T, member) ((T *)(void *)((char *)(node)-offsetof(T, member)))

/* A loop over the nodes; the body must not take the current node out. */
#define gor_list_each(n, l)                                                                        \
	for (gor_list_node *n = gor_list_front(l); n != NULL; n = gor_list_next(n))

/* The same; the body may take the current node out, or free it. */
#define gor_list_each_safe(n, l)                                                                   \
	for (gor_list_node *n = gor_list_front(l),                                                 \
			   *n##_next = n != NULL ? gor_list_next(n) : NULL;                        \
	     n != NULL; n = n##_next, n##_next = n != NULL ? gor_list_next(n) : NULL)

#endif
