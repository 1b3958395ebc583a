/* SPDX-License-Identifier: MIT */
/*
 * What: gor_list (see <gorgon/list.h>).
 *
 * How: a ring through a root node inside the list, so that no operation asks whether it is at an
 * end.  The ring is closed on first use, which makes all-zero memory an empty list.  Each node
 * knows its list, which costs a word and lets wrong calls be harmless, as in Go; the price is that
 * a splice visits every node.  Rejected: a splice in constant time without that check.
 *
 * Invariants: once used, root.next and root.prev are never NULL, and for every node n of the ring
 * n->next->prev == n and n->prev->next == n.  n->list is the list for all nodes but the root, whose
 * list is NULL.  len counts the nodes without the root.
 *
 * Locking: none; the user's.
 *
 * Context: goroutine, or any thread before main.
 */
#include <stdlib.h>
#include <string.h>

#include <gorgon/list.h>

#include "abi/types_abi.h"
#include "types/panic_decl.h"

_Static_assert(sizeof(gor_list) == sizeof(struct gori_abi_list), "abi");
_Static_assert(sizeof(gor_list_node) == sizeof(struct gori_abi_list_node), "abi");
_Static_assert(offsetof(gor_list_node, list) == offsetof(struct gori_abi_list_node, list), "abi");
_Static_assert(offsetof(gor_list, len) == offsetof(struct gori_abi_list, len), "abi");

/* ---- the ring ------------------------------------------------------------------------------- */

GOR_API void gor_list_init(gor_list *l)
{
	l->root.next = l->root.prev = &l->root;
	l->root.list = NULL;
	l->len = 0;
}

static void list_prepare(gor_list *l)
{
	if (l->root.next == NULL)
		gor_list_init(l);
}

static void link_after(gor_list_node *n, gor_list_node *at)
{
	n->prev = at;
	n->next = at->next;
	n->prev->next = n;
	n->next->prev = n;
}

static void unlink_node(gor_list_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
}

static void list_add_after(gor_list *l, gor_list_node *n, gor_list_node *at)
{
	if (GOR_UNLIKELY(n->list != NULL))
		gor_panic("gor_list: the node is already in a list");
	link_after(n, at);
	n->list = l;
	l->len++;
}

/* ---- looking -------------------------------------------------------------------------------- */

GOR_API size_t gor_list_len(const gor_list *l)
{
	return l->len;
}

GOR_API gor_list_node *gor_list_front(const gor_list *l)
{
	return l->len > 0 ? l->root.next : NULL;
}

GOR_API gor_list_node *gor_list_back(const gor_list *l)
{
	return l->len > 0 ? l->root.prev : NULL;
}

GOR_API gor_list_node *gor_list_next(const gor_list_node *n)
{
	return n->list != NULL && n->next != &n->list->root ? n->next : NULL;
}

GOR_API gor_list_node *gor_list_prev(const gor_list_node *n)
{
	return n->list != NULL && n->prev != &n->list->root ? n->prev : NULL;
}

/* ---- adding and removing -------------------------------------------------------------------- */

GOR_API void gor_list_push_front(gor_list *l, gor_list_node *n)
{
	list_prepare(l);
	list_add_after(l, n, &l->root);
}

GOR_API void gor_list_push_back(gor_list *l, gor_list_node *n)
{
	list_prepare(l);
	list_add_after(l, n, l->root.prev);
}

GOR_API bool gor_list_insert_before(gor_list *l, gor_list_node *n, gor_list_node *mark)
{
	if (mark->list != l)
		return false;
	list_add_after(l, n, mark->prev);
	return true;
}

GOR_API bool gor_list_insert_after(gor_list *l, gor_list_node *n, gor_list_node *mark)
{
	if (mark->list != l)
		return false;
	list_add_after(l, n, mark);
	return true;
}

GOR_API bool gor_list_remove(gor_list *l, gor_list_node *n)
{
	if (n->list != l)
		return false;
	unlink_node(n);
	n->next = n->prev = NULL;
	n->list = NULL;
	l->len--;
	return true;
}

GOR_API gor_list_node *gor_list_pop_front(gor_list *l)
{
	gor_list_node *n = gor_list_front(l);

	if (n != NULL)
		gor_list_remove(l, n);
	return n;
}

GOR_API gor_list_node *gor_list_pop_back(gor_list *l)
{
	gor_list_node *n = gor_list_back(l);

	if (n != NULL)
		gor_list_remove(l, n);
	return n;
}

/* ---- moving --------------------------------------------------------------------------------- */

static void move_after(gor_list_node *n, gor_list_node *at)
{
	if (n == at || at->next == n)
		return;
	unlink_node(n);
	link_after(n, at);
}

GOR_API bool gor_list_move_to_front(gor_list *l, gor_list_node *n)
{
	if (n->list != l)
		return false;
	move_after(n, &l->root);
	return true;
}

GOR_API bool gor_list_move_to_back(gor_list *l, gor_list_node *n)
{
	if (n->list != l)
		return false;
	move_after(n, l->root.prev);
	return true;
}

GOR_API bool gor_list_move_before(gor_list *l, gor_list_node *n, gor_list_node *mark)
{
	if (n->list != l || mark->list != l)
		return false;
	if (n != mark)
		move_after(n, mark->prev);
	return true;
}

GOR_API bool gor_list_move_after(gor_list *l, gor_list_node *n, gor_list_node *mark)
{
	if (n->list != l || mark->list != l)
		return false;
	move_after(n, mark);
	return true;
}

/* Moves the whole ring of other to behind `at`, a node or the root of l. */
static void splice_after(gor_list *l, gor_list *other, gor_list_node *at)
{
	gor_list_node *first = other->root.next, *last = other->root.prev, *n;

	if (l == other || other->len == 0)
		return;
	for (n = first; n != &other->root; n = n->next)
		n->list = l;
	first->prev = at;
	last->next = at->next;
	at->next->prev = last;
	at->next = first;
	l->len += other->len;
	gor_list_init(other);
}

GOR_API void gor_list_splice_front(gor_list *l, gor_list *other)
{
	list_prepare(l);
	splice_after(l, other, &l->root);
}

GOR_API void gor_list_splice_back(gor_list *l, gor_list *other)
{
	list_prepare(l);
	splice_after(l, other, l->root.prev);
}

/* ---- values --------------------------------------------------------------------------------- */

static gor_list_elem *elem_new(gor_any value)
{
	gor_list_elem *e = malloc(sizeof(*e));

	if (GOR_UNLIKELY(e == NULL))
		gor_fatal("runtime: out of memory");
	*e = (gor_list_elem){{NULL, NULL, NULL}, value};
	return e;
}

GOR_API gor_list_elem *gor_list_push_front_value(gor_list *l, gor_any value)
{
	gor_list_elem *e = elem_new(value);

	gor_list_push_front(l, &e->node);
	return e;
}

GOR_API gor_list_elem *gor_list_push_back_value(gor_list *l, gor_any value)
{
	gor_list_elem *e = elem_new(value);

	gor_list_push_back(l, &e->node);
	return e;
}

GOR_API gor_list_elem *gor_list_insert_before_value(gor_list *l, gor_any value, gor_list_elem *mark)
{
	gor_list_elem *e;

	if (mark->node.list != l)
		return NULL;
	e = elem_new(value);
	gor_list_insert_before(l, &e->node, &mark->node);
	return e;
}

GOR_API gor_list_elem *gor_list_insert_after_value(gor_list *l, gor_any value, gor_list_elem *mark)
{
	gor_list_elem *e;

	if (mark->node.list != l)
		return NULL;
	e = elem_new(value);
	gor_list_insert_after(l, &e->node, &mark->node);
	return e;
}

GOR_API gor_any gor_list_remove_value(gor_list *l, gor_list_elem *e)
{
	gor_any value;

	memset(&value, 0, sizeof(value));
	if (!gor_list_remove(l, &e->node))
		return value;
	value = e->value;
	free(e);
	return value;
}

GOR_API void gor_list_free_values(gor_list *l)
{
	gor_list_node *n;

	while ((n = gor_list_pop_front(l)) != NULL) {
		gor_list_elem *e = gor_list_entry(n, gor_list_elem, node);

		gor_any_free(&e->value);
		free(e);
	}
}
