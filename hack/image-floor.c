// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.
//
// image-floor HOST PORT REPOSITORY TAG DIRECTORY CONFIG LAYER...: what no pull can do without that outlasts a loss of power.
// Makes the directory. Fetches the manifest that the tag names, over plain HTTP/1.1, then the configuration and the layers by
// their digests, which it is told; no JSON and no tar is read. For each layer, three at once: hashes the blob and compares the
// digest, inflates it (gzip), hashes the tar and writes it to a file in the directory; one thread takes and inflates, another
// hashes and writes, and flushes the file when it is a large one. Then what is not on disk yet is flushed at once, and a record
// is written and flushed: two waits, as there must be, because a record must not outlast what it records. Compiled and run by
// bench-image.

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char manifests[] = "application/vnd.oci.image.manifest.v1+json";

enum { INPUT = 256 << 10, OUTPUT = 1 << 20, BUFFERS = 3, LARGE = 8 << 20 };

struct image {
    const char *host, *port, *repository, *tag, *directory;
};

struct layer {
    const struct image *image;
    const char *digest;
    // Buffers between the two threads: filled ones are those from `done` up to `made`.
    uint8_t *buffers[BUFFERS];
    size_t sizes[BUFFERS];
    long made, done;
    pthread_mutex_t lock;
    pthread_cond_t change;
    pthread_t taker;
};

static void check(long result, const char *what) {
    if (result < 0) {
        err(1, "%s", what);
    }
}

static EVP_MD_CTX *new_hash(void) {
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) {
        errx(1, "sha256");
    }
    return hash;
}

static void finish_hash(EVP_MD_CTX *hash, char text[65]) {
    unsigned char bytes[32];
    EVP_DigestFinal_ex(hash, bytes, NULL);
    for (int index = 0; index < 32; index++) {
        sprintf(text + 2 * index, "%02x", bytes[index]);
    }
    EVP_MD_CTX_free(hash);
}

static int connect_to(const struct image *image) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *address;
    if (getaddrinfo(image->host, image->port, &hints, &address) != 0) {
        errx(1, "%s: no address", image->host);
    }
    int socket_fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(socket_fd, "socket");
    check(connect(socket_fd, address->ai_addr, address->ai_addrlen), "connect");
    freeaddrinfo(address);
    return socket_fd;
}

// A connection that has sent the request and read the head of the answer; the rest of what came with it is in the buffer.
static int request(const struct image *image, const char *kind, const char *name, uint8_t *input, size_t *rest) {
    int socket_fd = connect_to(image);
    check(dprintf(socket_fd, "GET /v2/%s/%s/%s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\nConnection: close\r\n\r\n",
              image->repository, kind, name, image->host, manifests), "send");
    size_t have = 0;
    uint8_t *end = NULL;
    while (end == NULL) {
        ssize_t count = read(socket_fd, input + have, INPUT - have);
        check(count, "receive");
        if (count == 0) {
            errx(1, "%s: no answer", name);
        }
        have += count;
        end = memmem(input, have, "\r\n\r\n", 4);
    }
    if (memcmp(input, "HTTP/1.1 200", 12) != 0) {
        errx(1, "%s: %.15s", name, input);
    }
    *rest = have - (end + 4 - input);
    memmove(input, end + 4, *rest);
    return socket_fd;
}

static uint8_t *empty_buffer(struct layer *layer) {
    pthread_mutex_lock(&layer->lock);
    while (layer->made - layer->done == BUFFERS) {
        pthread_cond_wait(&layer->change, &layer->lock);
    }
    pthread_mutex_unlock(&layer->lock);
    return layer->buffers[layer->made % BUFFERS];
}

// A buffer of no bytes is the last.
static void pass_on(struct layer *layer, size_t size) {
    pthread_mutex_lock(&layer->lock);
    layer->sizes[layer->made % BUFFERS] = size;
    layer->made++;
    pthread_cond_signal(&layer->change);
    pthread_mutex_unlock(&layer->lock);
}

static void *take(void *argument) {
    struct layer *layer = argument;
    uint8_t *input = malloc(INPUT);
    struct inflate_state *state = malloc(sizeof *state);
    size_t have;
    int socket_fd = request(layer->image, "blobs", layer->digest, input, &have);
    EVP_MD_CTX *hash = new_hash();
    isal_inflate_init(state);
    state->crc_flag = IGZIP_GZIP;
    state->next_out = empty_buffer(layer);
    state->avail_out = OUTPUT;
    do {
        EVP_DigestUpdate(hash, input, have);
        state->next_in = input;
        state->avail_in = have;
        do {
            if (isal_inflate(state) != ISAL_DECOMP_OK) {
                errx(1, "%s: cannot be inflated", layer->digest);
            }
            if (state->avail_out == 0) {
                pass_on(layer, OUTPUT);
                state->next_out = empty_buffer(layer);
                state->avail_out = OUTPUT;
            }
        } while (state->avail_in > 0 && state->block_state != ISAL_BLOCK_FINISH);
        have = read(socket_fd, input, INPUT);
        check((ssize_t)have, "receive");
    } while (have > 0);
    if (state->avail_out < OUTPUT) {
        pass_on(layer, OUTPUT - state->avail_out);
        empty_buffer(layer);
    }
    pass_on(layer, 0);
    char text[65];
    finish_hash(hash, text);
    if (strcmp(text, strchr(layer->digest, ':') + 1) != 0) {
        errx(1, "%s: it is %s", layer->digest, text);
    }
    return NULL;
}

static void *put(void *argument) {
    struct layer *layer = argument;
    char path[4096], text[65];
    snprintf(path, sizeof path, "%s/%s", layer->image->directory, strchr(layer->digest, ':') + 1);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    check(file, path);
    EVP_MD_CTX *hash = new_hash();
    size_t all = 0;
    for (;;) {
        pthread_mutex_lock(&layer->lock);
        while (layer->made == layer->done) {
            pthread_cond_wait(&layer->change, &layer->lock);
        }
        pthread_mutex_unlock(&layer->lock);
        const uint8_t *bytes = layer->buffers[layer->done % BUFFERS];
        size_t size = layer->sizes[layer->done % BUFFERS];
        if (size == 0) {
            break;
        }
        EVP_DigestUpdate(hash, bytes, size);
        for (size_t done = 0; done < size;) {
            ssize_t count = write(file, bytes + done, size - done);
            check(count, path);
            done += count;
        }
        all += size;
        pthread_mutex_lock(&layer->lock);
        layer->done++;
        pthread_cond_signal(&layer->change);
        pthread_mutex_unlock(&layer->lock);
    }
    if (all >= LARGE) {
        check(fsync(file), path);
    }
    finish_hash(hash, text);
    return NULL;
}

// A manifest or a configuration: fetched, hashed, and written to a file.
static void keep_document(const struct image *image, const char *kind, const char *name, const char *file_name) {
    uint8_t *input = malloc(INPUT);
    size_t have;
    int socket_fd = request(image, kind, name, input, &have);
    char path[4096], text[65];
    snprintf(path, sizeof path, "%s/%s", image->directory, file_name);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    check(file, path);
    EVP_MD_CTX *hash = new_hash();
    while (have > 0) {
        EVP_DigestUpdate(hash, input, have);
        check(write(file, input, have), path);
        have = read(socket_fd, input, INPUT);
        check((ssize_t)have, "receive");
    }
    finish_hash(hash, text);
    if (strchr(name, ':') != NULL && strcmp(text, strchr(name, ':') + 1) != 0) {
        errx(1, "%s: it is %s", name, text);
    }
    close(socket_fd);
    close(file);
    free(input);
}

// The file system is this pull's alone: what is not on disk yet is its names, its documents and its small layers.
static void record(const struct image *image) {
    char path[4096];
    int directory = open(image->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(directory, image->directory);
    check(syncfs(directory), image->directory);
    snprintf(path, sizeof path, "%s/record", image->directory);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    check(file, path);
    check(dprintf(file, "%s:%s\n", image->repository, image->tag), path);
    check(fsync(file), path);
}

static void fetch_layers(struct layer *all, int layers) {
    pthread_t *putters = calloc(layers, sizeof *putters);
    // Three at a time, as registries allow.
    for (int index = 0; index < layers; index++) {
        struct layer *layer = &all[index];
        pthread_mutex_init(&layer->lock, NULL);
        pthread_cond_init(&layer->change, NULL);
        if (index >= 3) {
            pthread_join(putters[index - 3], NULL);
            pthread_join(all[index - 3].taker, NULL);
        }
        for (int number = 0; number < BUFFERS; number++) {
            layer->buffers[number] = malloc(OUTPUT);
        }
        pthread_create(&layer->taker, NULL, take, layer);
        pthread_create(&putters[index], NULL, put, layer);
    }
    for (int index = layers > 3 ? layers - 3 : 0; index < layers; index++) {
        pthread_join(putters[index], NULL);
        pthread_join(all[index].taker, NULL);
    }
}

int main(int count, char **words) {
    if (count < 8) {
        errx(2, "usage: image-floor HOST PORT REPOSITORY TAG DIRECTORY CONFIG LAYER...");
    }
    struct image image = {words[1], words[2], words[3], words[4], words[5]};
    int layers = count - 7;
    struct layer *all = calloc(layers, sizeof *all);
    for (int index = 0; index < layers; index++) {
        all[index] = (struct layer){.image = &image, .digest = words[7 + index]};
    }
    check(mkdir(image.directory, 0700), image.directory);
    keep_document(&image, "manifests", image.tag, "manifest");
    keep_document(&image, "blobs", words[6], "config");
    fetch_layers(all, layers);
    record(&image);
    return 0;
}
