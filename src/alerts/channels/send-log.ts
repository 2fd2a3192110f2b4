import type { ChannelSender } from './channel-sender.js';

/** A line of the program log, for those who collect logs anyway. */
export const sendLog: ChannelSender<'log'> = async (_settings, message, { log }) => log(message);
