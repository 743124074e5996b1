// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Allocation by threads. Each makes one ioctl for its part of the range, so that memory
 * cgroup, cpuset and NUMA policy are the caller's own; the calling thread watches. The
 * first who fails, or the caller's wish, cancels all others.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define HOSTMEM_POLL_MS 100
#define HOSTMEM_MAX_THREADS 1024

struct hostmem_part {
	struct hostmem_job *job;
	pthread_t thread;
	unsigned long long start;
	unsigned long long length;
	struct hostmem_progress progress;
	bool plugged;
};

struct hostmem_job {
	struct hostmem_view *view;
	bool plug;
	const struct hostmem_alloc *alloc;
	unsigned long long length;
	struct hostmem_part *parts;
	unsigned int nr_parts;
	unsigned int nr_threads; /* that have been started */
	unsigned int running;	/* atomic: threads that have not ended, or not begun */
	int error;		/* atomic: the first */
	int event;		/* eventfd: the last has ended */
};

static int hostmem_alloc_ioctl(struct hostmem_view *view, bool plug, unsigned long long start,
			       unsigned long long length, struct hostmem_progress *progress)
{
	struct hostmem_region_plug p = {
		.size = sizeof(p),
		.start = start,
		.length = length,
		.progress = (uintptr_t)progress,
	};
	struct hostmem_region_preallocate a = {
		.size = sizeof(a),
		.start = start,
		.length = length,
		.progress = (uintptr_t)progress,
	};

	if (plug)
		return hostmem_sys_ioctl(view->fd, HOSTMEM_REGION_PLUG, &p);
	return hostmem_sys_ioctl(view->fd, HOSTMEM_REGION_PREALLOCATE, &a);
}

/* Keep the first error, and make everybody stop. */
static void hostmem_job_fail(struct hostmem_job *job, int error)
{
	unsigned int i;
	int none = 0;

	__atomic_compare_exchange_n(&job->error, &none, error, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	for (i = 0; i < job->nr_parts; i++)
		__atomic_store_n(&job->parts[i].progress.cancel, 1, __ATOMIC_SEQ_CST);
}

static void *hostmem_part_run(void *data)
{
	struct hostmem_part *part = data;
	struct hostmem_job *job = part->job;
	int rc;

	rc = hostmem_alloc_ioctl(job->view, job->plug, part->start, part->length,
				 &part->progress);
	if (rc)
		hostmem_job_fail(job, rc);
	else
		part->plugged = job->plug;
	if (!__atomic_sub_fetch(&job->running, 1, __ATOMIC_SEQ_CST))
		eventfd_write(job->event, 1);
	return NULL;
}

/* Where part @i begins: on a multiple of @unit, but for the first. */
static unsigned long long hostmem_part_start(unsigned long long start,
					     unsigned long long length, unsigned int n,
					     unsigned int i, unsigned long long unit)
{
	if (!i)
		return start;
	if (i == n)
		return start + length;
	return hostmem_align_down(start + length / n * i, unit);
}

/* At most one part for each @unit of the range, and at least one. */
static unsigned int hostmem_alloc_threads(const struct hostmem_alloc *alloc,
					  unsigned long long length, unsigned long long unit)
{
	unsigned long long n = alloc ? alloc->threads : 1;
	cpu_set_t cpus;

	if (!n)
		n = sched_getaffinity(0, sizeof(cpus), &cpus) ? sysconf(_SC_NPROCESSORS_ONLN) :
								CPU_COUNT(&cpus);
	if (n > HOSTMEM_MAX_THREADS)
		n = HOSTMEM_MAX_THREADS;
	if (n > length / unit)
		n = length / unit;
	return n ? n : 1;
}

/* Start the threads, with all signals blocked: they are the calling thread's. */
static void hostmem_job_start(struct hostmem_job *job)
{
	sigset_t all, old;
	unsigned int i;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	job->running = job->nr_parts;
	for (i = 0; i < job->nr_parts; i++) {
		rc = pthread_create(&job->parts[i].thread, NULL, hostmem_part_run,
				    &job->parts[i]);
		if (rc) {
			hostmem_job_fail(job, -rc);
			__atomic_sub_fetch(&job->running, job->nr_parts - i,
					   __ATOMIC_SEQ_CST);
			break;
		}
	}
	job->nr_threads = i;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static unsigned long long hostmem_job_done(struct hostmem_job *job)
{
	unsigned long long done = 0;
	unsigned int i;

	for (i = 0; i < job->nr_parts; i++)
		done += __atomic_load_n(&job->parts[i].progress.out_done, __ATOMIC_RELAXED);
	return done;
}

/* Until the last thread has ended: tell how far they are, listen for a wish to stop. */
static void hostmem_job_watch(struct hostmem_job *job)
{
	const struct hostmem_alloc *alloc = job->alloc;
	short revents;
	int rc;

	while (__atomic_load_n(&job->running, __ATOMIC_SEQ_CST)) {
		rc = hostmem_sys_poll(job->event, &revents, HOSTMEM_POLL_MS);
		/* A signal ends the waiting, not the work: that is for who watches to say. */
		if (rc < 0 && rc != -EINTR)
			hostmem_job_fail(job, rc);
		else if (rc <= 0 && alloc && alloc->progress &&
			 !__atomic_load_n(&job->error, __ATOMIC_SEQ_CST) &&
			 alloc->progress(alloc->data, hostmem_job_done(job), job->length))
			hostmem_job_fail(job, -ECANCELED);
	}
}

/* Wait for the threads; give back what those plugged that did not fail. */
static int hostmem_job_end(struct hostmem_job *job)
{
	struct hostmem_part *part;
	unsigned int i;

	for (i = 0; i < job->nr_threads; i++)
		pthread_join(job->parts[i].thread, NULL);
	for (i = 0; job->error && i < job->nr_threads; i++) {
		part = &job->parts[i];
		if (part->plugged)
			hostmem_unplug_own(job->view, part->start, part->length);
	}
	return job->error;
}

static int hostmem_job_run(struct hostmem_job *job, unsigned long long start,
			   unsigned long long unit)
{
	unsigned int n = job->nr_parts;
	unsigned int i;
	int rc;

	job->event = hostmem_sys_eventfd();
	if (job->event < 0)
		return job->event;
	job->parts = calloc(n, sizeof(*job->parts));
	if (!job->parts) {
		close(job->event);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++) {
		job->parts[i].job = job;
		job->parts[i].start = hostmem_part_start(start, job->length, n, i, unit);
		job->parts[i].length = hostmem_part_start(start, job->length, n, i + 1, unit) -
				       job->parts[i].start;
	}
	hostmem_job_start(job);
	hostmem_job_watch(job);
	rc = hostmem_job_end(job);
	free(job->parts);
	close(job->event);
	return rc;
}

/* Plug or preallocate a range that has been checked. */
int hostmem_alloc_run(struct hostmem_view *view, bool plug, unsigned long long start,
		      unsigned long long length, const struct hostmem_alloc *alloc)
{
	bool now = !plug || view->info.out_allocation == HOSTMEM_ALLOCATION_IMMEDIATE;
	bool watched = now && alloc && alloc->progress;
	unsigned long long unit = plug ? view->info.out_block_size : HOSTMEM_2M;
	struct hostmem_job job = {
		.view = view,
		.plug = plug,
		.alloc = alloc,
		.length = length,
		.nr_parts = now ? hostmem_alloc_threads(alloc, length, unit) : 1,
	};
	int rc;

	if (job.nr_parts > 1 || watched)
		rc = hostmem_job_run(&job, start, unit);
	else
		rc = hostmem_alloc_ioctl(view, plug, start, length, NULL);
	if (!rc && alloc && alloc->progress)
		alloc->progress(alloc->data, length, length);
	return rc;
}

/**
 * hostmem_view_preallocate - allocate the memory of plugged blocks
 * @view: a view that can write
 * @start: bytes from the view's start, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 * @alloc: how to allocate, or NULL
 *
 * On error a thread gives back what it had allocated, except for pages that somebody has used
 * since. The parts of threads that were done before another failed stay allocated: there
 * is no telling which of their pages are in use by now. Use one thread where that matters.
 *
 * Return: 0; -EINVAL: alignment, or length 0; -EOVERFLOW; -ENOENT: beyond the view, or a
 * block is not plugged; -EPERM: the view cannot write; -ENOMEM: no memory, or the memory
 * cgroup's limit is reached; -ENOSPC; -ECANCELED: by @alloc; -EAGAIN: no
 * more threads; -ENODEV: the region has been destroyed or the view revoked.
 */
int hostmem_view_preallocate(struct hostmem_view *view, unsigned long long start,
			     unsigned long long length, const struct hostmem_alloc *alloc)
{
	unsigned long long page = sysconf(_SC_PAGESIZE);
	int rc;

	hostmem_dbg(view->ctx, "%#llx + %#llx", start, length);
	rc = hostmem_view_range(view, start, length, page);
	if (!rc)
		rc = hostmem_alloc_run(view, false, start, length, alloc);
	if (rc)
		hostmem_info(view->ctx, "%#llx + %#llx: error %d", start, length, -rc);
	return rc;
}
