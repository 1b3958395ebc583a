/* SPDX-License-Identifier: MIT */
/* Functions for binary-test: it looks at their parameters only. */
#include <stdint.h>

struct job {
	int id;
	const char *name;
	double weight[2];
};
enum color { RED, GREEN, BLUE };

int example(struct job *j, struct job by_value, char c, unsigned char flags, enum color color, int64_t n);
int example(struct job *j, struct job by_value, char c, unsigned char flags, enum color color, int64_t n)
{
	return j->id + by_value.id + c + flags + (int)color + (int)n;
}

int packed(uint32_t a, uint32_t b, uint32_t c);
int packed(uint32_t a, uint32_t b, uint32_t c)
{
	return (int)(a + b + c);
}

int main(void)
{
	struct job j = {0};

	return example(&j, j, 0, 0, RED, 0) + packed(0, 0, 0);
}
