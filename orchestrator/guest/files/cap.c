/* cap BYTES: copy stdin to stdout up to a limit, swallow the rest, say on stderr how much that was.
 *
 * Unlike head(1) it never holds data back (a guest that crashes must not take finished output with it) and never
 * closes the pipe early (the writer must not die of SIGPIPE for being talkative).
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char buffer[65536];

int main(int argc, char **argv)
{
	unsigned long long left = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, dropped = 0;
	ssize_t got;

	while ((got = read(0, buffer, sizeof(buffer))) > 0) {
		size_t keep = (unsigned long long)got < left ? (size_t)got : (size_t)left;
		for (size_t done = 0; done < keep;) {
			ssize_t put = write(1, buffer + done, keep - done);
			if (put <= 0)
				keep = done;
			else
				done += (size_t)put;
		}
		left -= keep;
		dropped += (unsigned long long)got - keep;
	}
	fprintf(stderr, "%llu", dropped);
	return 0;
}
