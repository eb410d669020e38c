// Signs and verifies requests with the libraries of other servers. Reads a JSON list of jobs from standard input and
// writes the list of results to standard output:
//
//   {library: "peertube" | "misskey", scheme: "cavage" | "rfc9421", do: "sign" | "verify",
//    method, url, headers, body, keyId, key}           key: PEM, private to sign, public to verify
//
// A "sign" answers {headers}, a "verify" {keyId} or {error}.
import { readFileSync } from 'node:fs'
import crypto from 'node:crypto'
import peertube from '@peertube/http-signature'
import * as misskey from '@misskey-dev/node-http-message-signatures'

// lowered gives headers as Node hands them to a server.
const lowered = (headers) => Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]))

const origin = (url) => url.replace(/^https?:\/\/[^/]+/, '')
const digestOf = (body) => crypto.createHash('sha256').update(body).digest('base64')

const peers = {
  // PeerTube and older Misskey. The library leaves digests to its caller.
  peertube: {
    async sign(job) {
      const headers = lowered(job.headers)
      const covered = ['(request-target)', 'host', 'date']
      if (job.body) {
        headers.digest = 'SHA-256=' + digestOf(job.body)
        covered.push('digest')
      }
      if (job.hidden) covered.splice(2, 1, '(created)', '(expires)')
      peertube.sign({
        method: job.method,
        path: origin(job.url),
        getHeader: (name) => headers[name.toLowerCase()],
        setHeader: (name, value) => { headers[name.toLowerCase()] = value }
      }, {
        key: job.key, keyId: job.keyId, algorithm: 'rsa-sha256', authorizationHeaderName: 'Signature',
        headers: covered, hideAlgorithm: job.hidden
      })
      return { headers }
    },
    async verify(job) {
      const headers = lowered(job.headers)
      const parsed = peertube.parse({ method: job.method, url: origin(job.url), headers }, {
        headers: ['(request-target)', 'host', 'date', ...(job.body ? ['digest'] : [])]
      })
      if (!peertube.verify(parsed, job.key)) throw new Error('signature')
      if (job.body && headers.digest !== 'SHA-256=' + digestOf(job.body)) throw new Error('digest')
      return { keyId: parsed.keyId }
    }
  },
  // Misskey. Of RFC 9421 the library has signature bases and digests, but leaves the signing to its caller.
  misskey: {
    async sign(job) {
      const request = { method: job.method, url: job.url, headers: lowered(job.headers) }
      if (job.scheme === 'cavage') {
        const covered = ['(request-target)', 'date', 'host']
        if (job.body) {
          request.headers.digest = await misskey.genRFC3230DigestHeader(job.body, 'SHA-256')
          covered.push('digest')
        }
        const { signatureHeader } = await misskey.signAsDraftToRequest(
          request, { keyId: job.keyId, privateKeyPem: job.key }, covered)
        return { headers: { ...request.headers, signature: signatureHeader } }
      }
      const covered = ['@method', '@target-uri', '@authority', 'date']
      if (job.body) {
        request.headers['content-digest'] = `sha-256=:${digestOf(job.body)}:`
        covered.push('content-digest')
      }
      const input = misskey.convertSignatureParamsDictionary({
        ours: [covered.map((name) => [name, {}]), { keyid: job.keyId, created: job.now, alg: 'rsa-v1_5-sha256' }]
      })
      request.headers['signature-input'] = input
      const base = new misskey.RFC9421SignatureBaseFactory(request).generate('ours')
      const value = crypto.sign('sha256', Buffer.from(base), job.key).toString('base64')
      return { headers: { ...request.headers, signature: `ours=:${value}:` } }
    },
    async verify(job) {
      const request = { method: job.method, url: origin(job.url), headers: lowered(job.headers), body: job.body }
      if (job.body && !await misskey.verifyDigestHeader(request, job.body)) throw new Error('digest')
      if (job.scheme === 'cavage') {
        const parsed = misskey.parseRequestSignature(request, {
          requiredComponents: { draft: ['(request-target)', 'host', 'date', ...(job.body ? ['digest'] : [])] },
          clockSkew: { forward: 60_000, delay: 60_000 }
        })
        if (!await misskey.verifyDraftSignature(parsed.value, job.key)) throw new Error('signature')
        return { keyId: parsed.value.keyId }
      }
      const base = new misskey.RFC9421SignatureBaseFactory(request).generate('sig1')
      const value = Buffer.from(request.headers.signature.replace(/^sig1=:|:$/g, ''), 'base64')
      if (!crypto.verify('sha256', Buffer.from(base), job.key, value)) throw new Error('signature')
      return { keyId: /;keyid="([^"]*)"/.exec(request.headers['signature-input'])[1] }
    }
  }
}

const results = []
for (const job of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    results.push(await peers[job.library][job.do](job))
  } catch (e) {
    results.push({ error: String(e) })
  }
}
process.stdout.write(JSON.stringify(results))
