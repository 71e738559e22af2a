'use strict'
// Payloads are JSON texts of base64, as package aws sends them.
const fs = require('fs')
const { setTimeout: sleep } = require('timers/promises')
const encode = (text) => Buffer.from(text).toString('base64')
const decode = (payload) => Buffer.from(payload, 'base64').toString()

exports.echo = async (event) => event
exports.fail = async () => { throw new RangeError('it was told to') }
exports.slow = async (event) => { await sleep(20000); return event }

// together answers when as many calls run as the payload says, and the folder that it names shows: which
// instance it is.
const instance = String(Math.random())
exports.together = async (event) => {
  const [dir, calls] = decode(event).split(' ')
  fs.mkdtempSync(dir + '/call-')
  while (fs.readdirSync(dir).length < Number(calls)) await sleep(10)
  return encode(instance)
}

// count says how many calls the instance has had.
let calls = 0
exports.count = async () => encode(String(++calls))
